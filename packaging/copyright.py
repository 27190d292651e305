"""copyright.py LIB LICENSE: whose work the package is, and under which licences, for /usr/share/doc."""

from __future__ import annotations

import sys
from email.parser import HeaderParser
from pathlib import Path

HEAD = """The Marathon HA appliance, copyright 2025-2026 its authors.

Licensed under the Apache License, Version 2.0: on Debian systems see
/usr/share/common-licenses/Apache-2.0, elsewhere https://www.apache.org/licenses/LICENSE-2.0

Below /usr/lib/marathon-ha-appliance/lib lie these Python packages, unchanged but for what no
program here uses. Each one's licence, where its authors ship it, lies in its .dist-info folder.
"""


def licence(fields: dict[str, str | None], classifiers: list[str]) -> str:
    named = fields.get("License-Expression") or fields.get("License") or ""
    if named and "\n" not in named and named != "UNKNOWN":
        return named
    return "; ".join(one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::"))


def main(lib: Path) -> None:
    print(HEAD)
    for metadata in sorted(lib.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        words = {key: fields[key] for key in ("License-Expression", "License")}
        terms = licence(words, fields.get_all("Classifier") or [])
        author = fields["Author"] or fields["Author-email"] or fields["Maintainer-email"] or ""
        print(f"{fields['Name']} {fields['Version']}: {terms}")
        if author:
            print(f"    Copyright: {author}")


main(Path(sys.argv[1]))
