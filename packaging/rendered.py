"""rendered.py ROOT: the files of a package that the program itself makes, below ROOT. Run by stage.sh."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING

import settings_page
import shtab
from argparse_manpage.manpage import Manpage

from appliance import __version__
from appliance.cli import appliance, flags, longhelp, setup
from appliance.paths import Paths
from appliance.setup import render

if TYPE_CHECKING:
    from argparse import ArgumentParser

BIN = Path("/usr/bin")
SEE_ALSO = {
    "appliance": "appliance-setup(8), appliance-lb(8), appliance.toml(5), haproxy(1), keepalived(8)",
    "appliance-setup": "appliance(8), appliance.toml(5)",
}
SHELLS = {
    "bash": "usr/share/bash-completion/completions/{}",
    "zsh": "usr/share/zsh/vendor-completions/_{}",
    "fish": "usr/share/fish/vendor_completions.d/{}.fish",
}


def page(parser: ArgumentParser, summary: str, date: str) -> str:
    """Man page of section 8."""
    made = Manpage(parser, format="pretty")
    made.section, made.date, made.source, made.manual = "8", date, f"Marathon HA appliance {__version__}", ""
    text = str(made)
    text = re.sub(r"(?m)^\.TH .*$", f'.TH {parser.prog.upper()} 8 "{date}" "Marathon HA appliance"', text)
    text = re.sub(r"(?ms)^\.SH NAME\n.*?(?=^\.SH)", f".SH NAME\n{parser.prog} \\\\- {summary}\n", text)
    return f"{text}\n.SH SEE ALSO\n{SEE_ALSO[parser.prog]}\n"


def main(root: Path) -> None:
    date = datetime.fromtimestamp(int(environ["SOURCE_DATE_EPOCH"]), timezone.utc).date().isoformat()
    parsers = {
        "appliance": (appliance.build(), "status, drain and upkeep of a node of the Marathon HA appliance"),
        "appliance-setup": (setup.build(), "makes this machine a node of the Marathon HA appliance"),
    }
    pages = {f"{name}.8": page(parser, summary, date) for name, (parser, summary) in parsers.items()}
    lb = flags.build()
    pages["appliance-lb.8"] = longhelp.manual(flags.groups(lb), flags.DESCRIPTION, flags.EXIT_CODES)
    pages["appliance.toml.5"] = settings_page.page(date)
    for name, text in pages.items():
        write(root / f"usr/share/man/man{name[-1]}/{name}", text)
    for parser in (*(made for made, _ in parsers.values()), lb):
        for shell, place in SHELLS.items():
            write(root / place.format(parser.prog), shtab.complete(parser, shell))
    for file in render.packaged(Paths(), BIN):
        write(root / str(file.path)[1:], file.text, file.mode)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


main(Path(sys.argv[1]))
