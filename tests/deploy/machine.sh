#!/bin/sh
# A machine of its own for systemd: its own processes, network, mounts and control groups, over a
# copy-on-write view of this one. Usage: machine.sh FOLDER CODE PYTHON SITE
# Whoever starts it is root. What it writes goes when it ends, for it lies in memory.
set -eu
if [ "${STAGE:-outside}" = outside ]; then
    # systemd takes charge of its control group and what is below: it gets one that is empty.
    groups=$1/groups
    mkdir -p "$groups" "$1/disk"
    mount -t cgroup2 cgroup2 "$groups"
    own=$groups$(sed -n 's/^0:://p' /proc/self/cgroup)/popbridge-test-$$
    mkdir "$own"
    trap 'find "$own" -depth -type d -exec rmdir {} \;' EXIT
    STAGE=inside setpriv --pdeathsig KILL sh -c 'echo $$ >"$0/cgroup.procs" && exec unshare \
        --mount --pid --ipc --uts --net --cgroup --fork --kill-child sh "$@"' "$own" "$0" "$@"
    exit
fi
folder=$1/disk code=$2 python=$3 site=$4
mount -t tmpfs tmpfs "$folder"
cd "$folder"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for place in dev/shm run tmp var/log; do
    mount -t tmpfs tmpfs "$place"
done
chmod 1777 dev/shm tmp
# The unit can't see home folders, where all this may be.
mkdir -p opt/popbridge/python opt/popbridge/site opt/popbridge/code
mount --bind "$python" opt/popbridge/python
mount --bind "$site" opt/popbridge/site
mount --bind "$code" opt/popbridge/code
# Nothing of this machine is started but what the service needs.
rm -rf etc/systemd/system usr/lib/systemd/system/*.wants etc/fstab etc/systemd/network
mkdir -p etc/systemd/system/sysinit.target.wants
ln -s /lib/systemd/system/systemd-journald.service etc/systemd/system/sysinit.target.wants/
cp -r "$1/files/." .
chroot . systemd-sysusers popbridge.conf
chroot . systemd-tmpfiles --create popbridge.conf
# Not chroot: from within one nobody makes the user namespace of PrivateUsers=.
pivot_root . mnt
umount --lazy mnt
exec env -i container=popbridge-test PATH=/usr/sbin:/usr/bin \
    /lib/systemd/systemd --system --unit=popbridge-test.target --log-target=journal --show-status=no
