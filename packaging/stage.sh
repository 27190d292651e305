#!/bin/sh
# stage.sh ROOT ARCH: everything a package holds, where it will lie, below ROOT. Run by build.sh.
set -eu
root=$1 arch=$2
top=$(cd "$(dirname "$0")/.." && pwd)
packaging=$top/packaging
name=marathon-ha-appliance
tree=$root/usr/lib/$name

put() { # MODE FILE PLACE
  install -D -m "$1" "$2" "$root$3"
}

rm -rf "$root"
mkdir -p "$tree/lib" "$tree/bin"
cp -R "$top/build/vendor/lib/." "$tree/lib"
put 644 "$top/build/vendor/$arch/netifaces.abi3.so" "/usr/lib/$name/lib/netifaces.abi3.so"

# Our own code. The lab is for a checkout: it makes its nodes out of one.
cp -R "$top/appliance" "$tree/lib/appliance"
rm -rf "$tree/lib/appliance/lab" "$tree/lib/appliance/cli/lab.py"
cp -R "$top/templates" "$tree/lib/appliance/templates"
find "$tree/lib" -name __pycache__ -prune -exec rm -rf {} +
sed -i "s/^__version__ = .*/__version__ = \"$VERSION\"/" "$tree/lib/appliance/__init__.py"
put 644 "$packaging/entry.py" "/usr/lib/$name/lib/__main__.py"

for command in appliance appliance-setup appliance-lb; do put 755 "$packaging/launcher" "/usr/bin/$command"; done
for command in supervisord supervisorctl precompile; do
  put 755 "$packaging/launcher" "/usr/lib/$name/bin/$command"
done

for kind in sysusers tmpfiles; do put 644 "$packaging/files/$kind.conf" "/usr/lib/$kind.d/$name.conf"; done
put 644 "$packaging/files/preset" "/usr/lib/systemd/system-preset/50-$name.preset"
put 644 "$packaging/files/logrotate" "/etc/logrotate.d/$name"

# What is made from the program itself: unit, scripts, man pages, completion.
PYTHONPATH="$top/build/vendor/$(uname -m):$tree/lib:$(echo "$TOOLS"/lib/python3*/site-packages)" PYTHONDONTWRITEBYTECODE=1 \
  "$TOOLS/bin/python" -S "$packaging/rendered.py" "$root"
gzip -9n "$root"/usr/share/man/man*/*
"$TOOLS/bin/python" -S "$packaging/copyright.py" "$tree/lib" "$top/LICENSE" >"$root/copyright"
put 644 "$root/copyright" "/usr/share/doc/$name/copyright"
rm "$root/copyright"
put 644 "$top/CHANGELOG.md" "/usr/share/doc/$name/changelog"
{
  echo "$name ($VERSION-1) unstable; urgency=medium"
  sed -n '/^## /,$p' "$top/CHANGELOG.md" | sed -n 's/^- /\n  * /p; s/^  /    /p' | fold -s -w 76 | sed 's/ *$//; s/^\([^ ]\)/    \1/'
  printf '\n -- %s  %s\n' "$MAINTAINER" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} >"$root/usr/share/doc/$name/changelog.Debian"
gzip -9n "$root/usr/share/doc/$name/"changelog*

# What an operator loads into Prometheus and Grafana, and the page that the rules point to.
for file in alerts.yml dashboard.json; do put 644 "$top/monitoring/$file" "/usr/share/$name/$file"; done
put 644 "$top/docs/runbook.md" "/usr/share/doc/$name/runbook.md"

chmod -R u=rwX,go=rX "$root"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
