#!/bin/sh
# Installs what the lab drives, from the distribution's own packages; arguments name further packages.
set -eu
exec "$(dirname "$0")/install-packages.sh" curl gcc haproxy iproute2 iputils-ping keepalived nftables openssl \
    procps python3-dev python3-venv util-linux "$@"
