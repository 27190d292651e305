"""HAProxy's configuration, and what is said about it, without the secrets in it. Pure.

Rather too much is taken away than too little: who needs the whole reads the file as root.
"""

from __future__ import annotations

import re

REMOVED = "(removed)"

_RULES = (
    # userlist, and whatever calls itself a secret
    re.compile(
        r"(\b[\w.-]*(?:password|passwd|secret|token|api[-_]?key|credentials?)\b[\"']?\s*[=:\s]\s*)(?:\"[^\"]*\"|'[^']*'|\S+)",
        re.IGNORECASE,
    ),
    re.compile(r"(\bstats\s+auth\s+)\S+", re.IGNORECASE),
    re.compile(r"(\b(?:pre)?setenv\s+\S+\s+)[^\n]+"),
    re.compile(r"(://)[^/\s@\"']+(?=@)"),
    # the value of a header that lets somebody in, as words of its own or as `Name: value`
    re.compile(
        r"(\b(?:authorization|proxy-authorization|cookie|set-cookie|x-[\w-]*(?:auth|key)[\w-]*)\b:?\s*)"
        r"(?:\"(?:\\.|[^\"])*\"|(?:\\ |\S)+(?:[ ]+(?!if\b|unless\b|hdr\b)(?:\\ |\S)+)*)",
        re.IGNORECASE,
    ),
    re.compile(r"(\b(?:basic|bearer)(?:\\? )+)[\w.~+/=-]{4,}", re.IGNORECASE),
)


def redacted(text: str) -> str:
    """`text` with each secret replaced by REMOVED; line by line the same otherwise."""
    for rule in _RULES:
        text = rule.sub(rf"\g<1>{REMOVED}", text)
    return text
