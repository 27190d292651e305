#!/bin/sh
# Before removal (deb: remove; rpm: 0), not before an upgrade: hand the VIP over, stop, and give the
# distribution's units back. Masks are only lifted where appliance-setup has put them.
set -e
name=marathon-ha-appliance

case "${1:-}" in remove | 0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
  systemctl disable --now "$name.service" || :
fi
appliance-setup --uninstall --yes || :
