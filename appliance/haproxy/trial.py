"""Tries a few lines in a configuration of their own: would HAProxy load them?"""

from __future__ import annotations

import re
import tempfile

from appliance import commands

_PLACE = re.compile(r"^config : (parsing \[[^]]*\] ?: )?('bind [^']*' in section '\w+' : )?")


def refusal(lines: str) -> str:
    """HAProxy's words if it refuses `lines`, '' if it takes them. Nothing is bound, nothing runs on."""
    with tempfile.NamedTemporaryFile("w", prefix="appliance-lb-", suffix=".cfg") as trial:
        trial.write(lines)
        trial.flush()
        done = commands.run(["haproxy", "-c", "-f", trial.name])
    if done.code == 0:
        return ""
    alerts = [line.partition(" : ")[2] for line in done.message.splitlines() if "[ALERT]" in line]
    told = [_PLACE.sub("", alert) for alert in alerts if " found in configuration" not in alert]
    return (told or [done.message])[0]
