#!/bin/sh
# Installs what the lab drives, from the distribution's own packages; arguments name further packages.
# No service of this machine is started or changed: policy-rc.d forbids starts while apt runs, and the
# units of engines that were not here before are left disabled.
set -eu

packages="curl gcc haproxy iproute2 iputils-ping keepalived nftables openssl procps python3-dev python3-venv util-linux $*"
missing=
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || { echo "install-engines: root is needed to install:$missing" >&2; exit 77; }
command -v apt-get >/dev/null || { echo "install-engines: no apt-get here; install by hand:$missing" >&2; exit 69; }

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $missing

for unit in haproxy keepalived; do
    case "$missing" in
        *" $unit"*) DPKG_MAINTSCRIPT_PACKAGE=$unit deb-systemd-helper disable "$unit.service" >/dev/null 2>&1 || true ;;
    esac
done
