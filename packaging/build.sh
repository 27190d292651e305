#!/bin/sh
# The four packages into dist/, or into DIST. VERSION replaces the one of appliance/__init__.py and ARCHS names fewer
# machines, to try an upgrade.
# The same sources give the same files: times are those of the last commit, names and order are fixed.
set -eu
umask 022
cd "$(dirname "$0")/.."
TOOLS=$PWD/build/tools
export TOOLS
VERSION=${VERSION:-$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' appliance/__init__.py)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}
MAINTAINER="Marathon HA appliance <marathon-ha@appliance.invalid>"
export VERSION SOURCE_DATE_EPOCH MAINTAINER LC_ALL=C TZ=UTC

# made FOLDER FILE...: whether FOLDER was made from these files, as they are now.
made() {
  folder=$1
  shift
  stamp=$(cat "$@" | sha256sum)
  [ "$(cat "$folder/made" 2>/dev/null)" = "$stamp" ]
}

if ! made build/tools packaging/tools.txt; then
  rm -rf build/tools
  "${PYTHON:-python3}" -m venv build/tools
  build/tools/bin/pip install --quiet --disable-pip-version-check --no-compile -r packaging/tools.txt
  echo "$stamp" >build/tools/made
fi
if ! made build/vendor packaging/bundle.txt packaging/vendor.sh; then
  packaging/vendor.sh "$PWD/build/vendor"
  echo "$stamp" >build/vendor/made
fi

DIST=${DIST:-$PWD/dist}
mkdir -p "$DIST"
for arch in ${ARCHS:-x86_64 aarch64}; do
  stage=$PWD/build/stage-$arch
  packaging/stage.sh "$stage" "$arch"
  case $arch in x86_64) deb=amd64 ;; aarch64) deb=arm64 ;; esac
  (cd build && STAGE=stage-$arch ARCH=$deb ../build/tools/bin/nfpm package -f ../packaging/nfpm.yaml -p deb \
    -t "$DIST/marathon-ha-appliance_${VERSION}-1_$deb.deb" >/dev/null)
  rm -rf build/rpm
  mkdir -p build/rpm
  cp packaging/scripts/*.sh build/rpm
  rpmbuild -bb --quiet --target "$arch" --define "_topdir $PWD/build/rpm" --define "_rpmdir $DIST" \
    --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "stage $stage" --define "ver $VERSION" packaging/marathon-ha-appliance.spec
done
ls -l "$DIST"/*"$VERSION"-1*
