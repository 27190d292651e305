#!/bin/sh
# After unpacking. deb: configure OLD-VERSION, abort-...; rpm: 1 installed, 2 upgraded.
# Nothing here restarts the service: when a node may hand its VIP over is the operator's decision.
set -e
name=marathon-ha-appliance

booted() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }
running() { booted && systemctl --quiet is-active "$name.service"; }

account() {
  getent passwd marathon-ha >/dev/null && return 0
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "/usr/lib/sysusers.d/$name.conf"
  else
    useradd -r -U -M -d /nonexistent -s /usr/sbin/nologin -c "Marathon HA appliance" marathon-ha
  fi
}

# Minimal systems have no systemd-tmpfiles.
folders() {
  install -d -m 755 "/etc/$name" "/var/cache/$name"
  install -d -m 755 -o marathon-ha -g marathon-ha "/var/lib/$name" "/var/log/$name"
}

case "${1:-}" in
  configure | 1 | 2)
    account
    folders
    "/usr/lib/$name/bin/precompile" || echo "$name: the commands will start slowly" >&2
    if booted; then systemctl daemon-reload || :; fi
    if running; then
      echo "$name: the version from before runs on; 'systemctl restart $name' hands the VIP over and takes the new one"
    fi
    ;;
esac
