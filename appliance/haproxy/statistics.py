"""HAProxy's statistics as those before 2.3 wrote them, which scripts were written for."""

from __future__ import annotations

import csv
import io

MODULES = "-"
"""The column behind which newer HAProxy adds what its modules count. It is no name: namedtuple refuses it."""


def plain_csv(text: str) -> str:
    """`show stat` without the columns of modules and without the empty line at its end."""
    head, *rows = csv.reader(io.StringIO(text))
    width = head.index(MODULES) if MODULES in head else len(head) - 1
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    for row in (head, *filter(None, rows)):
        writer.writerow([*row[:width], ""])
    return told.getvalue()


def server_states(text: str) -> dict[tuple[str, str], str]:
    """What HAProxy says of each server, by backend and name: UP, DOWN, MAINT, no check, …"""
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    return {
        (row["pxname"], row["svname"]): row["status"]
        for row in rows
        if row.get("status") and row["svname"] not in {"FRONTEND", "BACKEND"}
    }
