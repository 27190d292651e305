#!/bin/sh
# install-packages.sh PACKAGE...: from the distribution, what of it is not here yet.
# No service of this machine is started or changed: policy-rc.d forbids starts while apt runs, and the
# units of engines that were not here before are left disabled.
set -eu

missing=
for package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || { echo "install-packages: root is needed to install:$missing" >&2; exit 77; }
command -v apt-get >/dev/null || { echo "install-packages: no apt-get here; install by hand:$missing" >&2; exit 69; }
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
