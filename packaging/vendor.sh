#!/bin/sh
# vendor.sh DEST: what the packages carry beside our own code, as one folder DEST/lib that any CPython from
# 3.9 on can import, and netifaces for each machine in DEST/ARCH.
set -eu
dest=$1
packaging=$(cd "$(dirname "$0")" && pwd)
python=${TOOLS:?}/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { "$python" -m pip download --quiet --no-deps --disable-pip-version-check --dest "$work/wheels" "$@"; }

# Fails loudly when something needs more than Python 3.9 or ships no pure wheel.
fetch --require-hashes --only-binary :all: --python-version 3.9 --implementation py --abi none --platform any \
  -r "$packaging/bundle.txt"
# Of this one there is no pure wheel; without its compiled half it falls back to Python by itself.
fetch --only-binary :all: --python-version 3.9 --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
  markupsafe==3.0.3
fetch --no-binary :all: netifaces==0.11.0
echo "043a79146eb2907edf439899f262b3dfe41717d34124298ed281139a8b93ca32  $work/wheels/netifaces-0.11.0.tar.gz" |
  sha256sum --check --quiet
echo "e8fc20152abba6b83724d7ff268c249fa196d8259ff481f3b1476383f8f24e42  $(echo "$work"/wheels/markupsafe-*.whl)" |
  sha256sum --check --quiet

rm -rf "$dest"
mkdir -p "$dest/lib"
for wheel in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$dest/lib"; done
tar -xzf "$work/wheels/netifaces-0.11.0.tar.gz" -C "$work"
source=$work/netifaces-0.11.0
install -D -m 644 -t "$dest/lib/netifaces-0.11.0.dist-info/licenses" "$source/LICENSE"
install -m 644 "$source/PKG-INFO" "$dest/lib/netifaces-0.11.0.dist-info/METADATA"

cd "$dest/lib"
rm -rf bin ./*.data markupsafe/_speedups* supervisor/tests supervisor/scripts
rm -f ./*.dist-info/RECORD ./*.dist-info/WHEEL
find . \( -name __pycache__ -o -name '*.pyc' \) -prune -exec rm -rf {} +
find . -name '*.py' -exec sed -i '1{/^#!/d}' {} +
if find . -name '*.so' | grep -q .; then echo "vendor: something compiled came along" >&2; exit 1; fi

# The limited API of Python 3.6 and the glibc of 2012: one file for every CPython 3 and every distribution.
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
mkdir "$work/include"
for arch in x86_64 aarch64; do
  mkdir -p "$dest/$arch"
  # Debian's pyconfig.h includes the machine's by this name; under the limited API one serves both.
  ln -s "/usr/include/$(uname -m)-linux-gnu" "$work/include/$arch-linux-gnu"
  ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig "$python" -m ziglang cc \
    -target "$arch-linux-gnu.2.17" -O2 -s -fPIC -shared -Wno-everything \
    -DPy_LIMITED_API=0x03060000 -DPyList_SET_ITEM=PyList_SetItem -DNETIFACES_VERSION=0.11.0 \
    -DHAVE_GETIFADDRS=1 -DHAVE_GETNAMEINFO=1 -DHAVE_NETPACKET_PACKET_H=1 -DHAVE_SOCKADDR_IN=1 \
    -DHAVE_SOCKADDR_IN6=1 -DHAVE_SOCKADDR_UN=1 -DHAVE_SOCKADDR_LL=1 -DHAVE_PF_NETLINK=1 \
    -I"$headers" -I"$work/include" "$source/netifaces.c" -o "$dest/$arch/netifaces.abi3.so"
done
