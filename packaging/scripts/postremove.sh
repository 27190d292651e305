#!/bin/sh
# After removal. deb: remove keeps settings, state and logs for a return, purge takes everything; rpm: 0 keeps
# them too. The user stays, as the policies of Debian and Fedora want it: files elsewhere may be its own.
set -e
name=marathon-ha-appliance

case "${1:-}" in
  remove | 0) rm -rf "/var/cache/$name" "/run/$name" ;;
  purge) rm -rf "/etc/$name" "/var/lib/$name" "/var/log/$name" "/var/cache/$name" "/run/$name" ;;
  *) exit 0 ;;
esac
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then systemctl daemon-reload || :; fi
