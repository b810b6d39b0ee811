#!/bin/bash
# Boots a systemd of its own, in namespaces of its own: it sees this machine's programs, but has processes, mounts, cgroups,
# /run, /tmp and /opt of its own, and what it writes to /etc and /var stays in memory. Nothing of the system's own units is
# known to it. It ends with this process. $1: the folder of the program, which appears as /opt/facefleet.
set -euo pipefail
cgroups=$(mktemp -d)
mount -t cgroup2 none "$cgroups"
mkdir "$cgroups/facefleet-test-$$"
echo $$ > "$cgroups/facefleet-test-$$/cgroup.procs"
umount "$cgroups"
rmdir "$cgroups"
exec unshare --pid --fork --kill-child --mount --cgroup --uts --ipc bash -c '
  set -euo pipefail
  program=$1
  mount --make-rprivate /
  mount -t proc proc /proc
  mount --bind /proc/sys /proc/sys
  mount -o remount,ro,bind /proc/sys
  mount -t tmpfs tmpfs /run
  mkdir -p /run/layers/{etc,var}-{upper,work} /run/program /run/systemd/system /run/systemd/journal
  mount --bind "$program" /run/program
  for folder in etc var; do
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=/run/layers/$folder-upper,workdir=/run/layers/$folder-work" "/$folder"
  done
  mount -t tmpfs tmpfs /tmp
  mount -t tmpfs tmpfs /opt
  mkdir /opt/facefleet
  mount --bind /run/program /opt/facefleet
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
  target() { printf "[Unit]\nDescription=%s\nDefaultDependencies=no\n" "$1" > "/run/systemd/system/$1"; }
  for name in test sysinit basic shutdown multi-user network-online poweroff; do target "$name.target"; done
  journald=/lib/systemd/systemd-journald
  printf "[Unit]\nDefaultDependencies=no\n[Service]\nType=notify\nExecStart=%s\n" "$journald" > /run/systemd/system/systemd-journald.service
  printf "[Unit]\nDefaultDependencies=no\nRequires=systemd-journald.service\nAfter=systemd-journald.service\n" > /run/systemd/system/test.target
  export container=facefleet-test SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/system
  exec /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=no
' bash "$1"
