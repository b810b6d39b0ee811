#!/bin/bash
# Starts the services of an instance on AWS. $1: worker, or web (with the controller beside it); $2: log group; $3, for web:
# the role that the web tier works under, since the instance's own may launch and end instances.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
role=$1
log_group=$2
facefleet() { "$root/runtime/node" "$root/bin/facefleet.js" "$@"; }

ship_journal() { # To CloudWatch Logs, whose agent reads files.
  local agent=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
  [ -x "$agent" ] || return 0
  install -d -m 755 /var/log/facefleet
  install -m 644 "$root/deploy/systemd/ec2/facefleet-journal.service" /etc/systemd/system/
  install -m 644 "$here/logrotate.conf" /etc/logrotate.d/facefleet
  sed "s#LOG_GROUP#$log_group#" "$here/cloudwatch-agent.json" > /etc/facefleet/cloudwatch-agent.json
  systemctl daemon-reload
  systemctl enable --now facefleet-journal.service
  "$agent" -a fetch-config -m ec2 -s -c file:/etc/facefleet/cloudwatch-agent.json
}

give_web_its_role() {
  local drop_in=/etc/systemd/system/facefleet-web.service.d
  systemd-sysusers "$root/deploy/systemd/ec2/facefleet-web.sysusers.conf"
  echo "WEB_ROLE_ARN=$1" > /etc/facefleet/web-role.env
  install -m 644 "$root/deploy/systemd/ec2/web-role.config" /etc/facefleet/
  install -m 644 "$root"/deploy/systemd/ec2/facefleet-web-role.{service,timer} /etc/systemd/system/
  install -D -m 644 "$root/deploy/systemd/ec2/web-role.conf" "$drop_in/web-role.conf"
  systemctl daemon-reload
  systemctl enable --now facefleet-web-role.timer
}

# The log is no reason not to work.
ship_journal || echo "the journal stays on this instance" >&2
case $role in
  worker) facefleet systemd install worker --power-off ;;
  web)
    give_web_its_role "$3"
    facefleet systemd install controller web
    ;;
  *) echo "start.sh: the role is $role, expected worker or web" >&2 && exit 2 ;;
esac
