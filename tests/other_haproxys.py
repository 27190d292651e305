"""Do other Debians' HAProxys load what tests/golden holds? `make test-engines` runs it, as root.

Makes a Debian 13 (HAProxy 3.0) and a Debian 11 (HAProxy 2.2) with debootstrap below build/engines, once, from
the mirror that this machine's apt uses. In each, `haproxy -c` reads every golden configuration with its maps.
On Debian 13 one warning is a failure; what Debian 11 says is told only.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from appliance import commands, files
from appliance.haproxy import certificates, kept_states

TOP = Path(__file__).resolve().parents[1]
GOLDEN = TOP / "tests/golden"
ENGINES = TOP / "build/engines"
SUITES = {"trixie": True, "bullseye": False}
"""Whether its HAProxy has to take everything."""
MIRROR = "http://deb.debian.org/debian"
MADE_WITHIN_S = 1200.0
GROUP = "marathon-ha:x:64999:\n"
_PLACE = re.compile(r"( *[0-9/]+)? +\([0-9]+\) :|(?<=haproxy\.cfg):[0-9]+")
log = logging.getLogger("other_haproxys")


def mirror(sources: Path = Path("/etc/apt")) -> str:
    """Where apt gets Debian itself from, in both formats of its lists."""
    lists = [sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))]
    for path in filter(Path.is_file, lists):
        found = re.search(
            r"^(?:deb .*?|URIs:.*?)(https?://\S+/debian)/?(?:\s|$)", path.read_text(), re.MULTILINE
        )
        if found:
            return found[1]
    return MIRROR


def debian(suite: str) -> Path:
    """A folder with that Debian and its HAProxy. What was made only half is made anew."""
    made = ENGINES / suite
    if not made.exists():
        ENGINES.mkdir(parents=True, exist_ok=True)
        log.info("%s: debootstrap from %s …", suite, mirror())
        half = Path(tempfile.mkdtemp(prefix=f".{suite}.", dir=ENGINES))
        try:
            # In namespaces of its own: nothing that it mounts or starts is left when it is cut short.
            own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
            argv = ["debootstrap", "--variant=minbase", "--include=haproxy", suite, half, mirror()]
            commands.find("debootstrap")
            done = commands.run([*own, *argv], timeout_s=MADE_WITHIN_S)
            if done.code != 0:
                log_of = half / "debootstrap/debootstrap.log"
                said = log_of.read_text()[-1000:] if log_of.exists() else ""
                raise SystemExit(f"{suite}: {done.message}\n{said}")
            for package in (half / "var/cache/apt/archives").glob("*.deb"):
                package.unlink()
            with (half / "etc/group").open("a") as groups:
                groups.write(GROUP)
            half.chmod(0o755)
            half.rename(made)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return made


def furnish(root: Path, case: Path) -> str:
    """Put `case` where its paths say, below `root`; its place inside."""
    text = (case / "haproxy.cfg").read_text()
    for name in set(re.findall(r"/[\w./-]+?/maps-[0-9a-f]+/[\w.-]+\.map", text)):
        map_ = case / Path(name).name
        place = root / name[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(map_.read_text() if map_.exists() else "")
    for name in set(re.findall(r"^  server-state-file (/\S+)", text, re.MULTILINE)):
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / name[1:]).write_text(kept_states.NOTHING)
    certificate, notice = certificates.self_signed(root / "tmp")
    if not certificate:
        raise SystemExit(notice)
    for name in set(re.findall(r"/\S+\.pem", text)):
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificate, root / name[1:])
    place = root / "tmp/haproxy.cfg"
    files.replace(place, text)
    return "/tmp/haproxy.cfg"


def complaints(root: Path, case: Path) -> list[str]:
    """What its HAProxy says about `case`; nothing if it loads it without a word."""
    done = commands.run(["chroot", root, "haproxy", "-c", "-f", furnish(root, case)], timeout_s=30)
    said = [
        line for line in f"{done.output}{done.errors}".splitlines() if line != "Configuration file is valid"
    ]
    return said or ([f"exit {done.code}"] if done.code else [])


def judge(suite: str) -> int:
    """How many golden configurations are not taken as they are. Words that several share are told once."""
    root = debian(suite)
    version = commands.run(["chroot", root, "haproxy", "-v"]).output.splitlines()[0]
    cases = sorted(path.parent for path in GOLDEN.glob("*/haproxy.cfg"))
    found = {case.name: said for case in cases if (said := complaints(root, case))}
    by_words: dict[str, list[str]] = {}
    for name, said in found.items():
        for words in dict.fromkeys(_PLACE.sub("", line) for line in said if not line.startswith("[NOTICE]")):
            by_words.setdefault(words, []).append(name)
    for words, names in by_words.items():
        log.info("%s: %s\n    in %s", suite, words, " ".join(names) if len(names) < len(cases) else "all")
    log.info("%s, %s: %d of %d without a warning", suite, version, len(cases) - len(found), len(cases))
    return len(found)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="of Debian; default: trixie bullseye")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if os.geteuid() != 0:
        raise SystemExit("root is needed to make another Debian")
    failed = {suite: judge(suite) for suite in asked.suites or SUITES}
    return 1 if any(count for suite, count in failed.items() if SUITES.get(suite, True)) else 0


if __name__ == "__main__":
    sys.exit(main())
