#!/bin/sh
# alone.sh COMMAND...: run it so that whatever it starts, mounts and makes in $TMPDIR goes when it ends, however it ends.
# Temporary files lie in memory there. Without root it is run as it is: its tests then say that they did not run.
set -eu
[ "$(id -u)" = 0 ] || exec "$@"
TMPDIR=$(cd "$(dirname "$0")/../.." && pwd)/build/tmp
mkdir -p "$TMPDIR"
export TMPDIR
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --pid --ipc --fork --kill-child --mount-proc --propagation private \
    sh -c 'mount -t tmpfs -o mode=1777 tmpfs "$TMPDIR" && exec "$@"' alone "$@"
