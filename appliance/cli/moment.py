"""A moment as people write it: `14:30`, `2026-12-24T08:00`, `+90m`."""

from __future__ import annotations

import argparse
import datetime as dt
import re

UNITS = {"m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> float:
    """Unix time, in the future; local time unless it says otherwise. Raises ArgumentTypeError."""
    return moment_after(text, dt.datetime.now().astimezone())


def moment_after(text: str, now: dt.datetime) -> float:
    """`14:30` is the next one."""
    distance = re.fullmatch(r"\+(\d{1,5})([mhd])", text)
    if distance:
        return now.timestamp() + int(distance[1]) * UNITS[distance[2]]
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    if clock:
        at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return (at if at > now else at + dt.timedelta(days=1)).timestamp()
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is none of 14:30, 2026-12-24T08:00, +90m") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=now.tzinfo)
    if found <= now:
        raise argparse.ArgumentTypeError(f"'{text}' is over")
    return found.timestamp()
