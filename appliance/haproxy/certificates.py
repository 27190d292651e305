"""Certificates: those given that can be used, else a self-signed one made by openssl.

A PEM file holds its key, or the key lies beside it: X.crt with X.key, X.pem with X.pem.key.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import commands, files
from appliance.haproxy.render import quoted
from appliance.haproxy.trial import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

SELF_SIGNED = "self-signed.pem"
WARN_BEFORE_S = 30 * 86_400
_BESIDE = (".key", ".issuer", ".ocsp", ".sctl")
"""What HAProxy reads together with a certificate, so none by itself (manual, bind option crt)."""


@dataclass(frozen=True)
class Certificate:
    """One PEM file as it was when it was judged."""

    path: str
    fault: str = ""
    """Why HAProxy cannot use it; '': it can."""
    names: tuple[str, ...] = ()
    not_after: float = 0.0
    """Unix seconds; 0.0: not known."""
    digest: str = ""
    sha1: str = ""
    """Of the certificate itself, as HAProxy tells which one it presented: 40 capital hexadecimal digits."""

    @property
    def warns_from(self) -> float:
        """Unix seconds."""
        return self.not_after - WARN_BEFORE_S

    def warning(self, now: float) -> str:
        if not self.not_after or now < self.warns_from:
            return ""
        date = dt.datetime.fromtimestamp(self.not_after, dt.timezone.utc).date()
        verb = "expires" if self.not_after > now else "has expired"
        return f"certificate {self.path} {verb} on {date}: renew it"


class Certificates:
    """Judges files, each once as long as it does not change. `folders`: where labels may name files."""

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self._folders = tuple(Path(folder).resolve() for folder in folders)
        self._judged: dict[str, tuple[object, Certificate]] = {}
        self._by_labels: set[str] = set()

    def usable(self, path: str) -> str | None:
        """Why a label may not name this file, None if it may."""
        if self._folders and not any(folder in Path(path).resolve().parents for folder in self._folders):
            return f"{path} lies in none of the folders that labels may name certificates in"
        if not Path(path).is_absolute():
            return f"{path} is no absolute path"
        self._by_labels.add(path)
        return self._certificate(path).fault or None

    def taken_by_labels(self) -> list[Certificate]:
        """What labels have named since the last call, and may."""
        named, self._by_labels = self._by_labels, set()
        found = [self._certificate(path) for path in sorted(named)]
        return [certificate for certificate in found if not certificate.fault]

    def found(self, asked: Sequence[str]) -> tuple[list[Certificate], list[str]]:
        """The usable ones among these files and folders, and one notice for each that is not."""
        paths, notices = [], []
        for path in asked:
            inside = _inside(path) if Path(path).is_dir() else [path]
            if not inside:
                notices.append(f"certificate folder {path}: holds no certificate that can be read")
            paths += inside
        paths = list(dict.fromkeys(paths))
        self._judge_together(paths)
        judged = [self._certificate(path) for path in paths]
        notices += [
            f"certificate {certificate.path}: {certificate.fault}; :443 goes on without it"
            for certificate in judged
            if certificate.fault
        ]
        return [certificate for certificate in judged if not certificate.fault], notices

    def of_our_own(self, path: str) -> Certificate:
        """One that openssl made for us, so HAProxy need not be asked."""
        known = self._known(path)
        if known is None:
            known = _described(path)
            self._judged[path] = (mark(path), known)
        return known

    def _judge_together(self, paths: list[str]) -> None:
        """Many files cost one HAProxy as long as all are good."""
        fresh = [path for path in paths if self._known(path) is None and not _unreadable(path)]
        if len(fresh) > 1 and not refusal(_probe(fresh)):
            for path in fresh:
                self._judged[path] = (mark(path), _described(path))

    def _certificate(self, path: str) -> Certificate:
        known = self._known(path)
        if known is None:
            seen = mark(path)
            fault = _unreadable(path) or refusal(_probe([path]))
            known = Certificate(path, fault) if fault else _described(path)
            self._judged[path] = (seen, known)
        return known

    def _known(self, path: str) -> Certificate | None:
        seen, certificate = self._judged.get(path, (None, None))
        return certificate if seen == mark(path) else None


def mark(path: str) -> tuple[object, ...]:
    """What differs when a certificate or its key was changed."""
    return path, _status(Path(path)), _status(_key(path))


def _status(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def marks(asked: Sequence[str]) -> tuple[object, ...]:
    """The same of all these files, folders and what the folders hold."""
    inside = [path for folder in asked if Path(folder).is_dir() for path in _inside(folder)]
    return tuple(mark(path) for path in (*asked, *inside))


def self_signed(folder: Path) -> tuple[str, str]:
    """The certificate in `folder` that stands in for a missing one, made once; and the notice of it."""
    path = folder / SELF_SIGNED
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix=".self-signed.", dir=folder) as made:
            key, certificate = Path(made, "key.pem"), Path(made, "certificate.pem")
            argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            done = commands.run(
                [*argv, "-nodes", "-days", "3650", "-subj", "/CN=*", "-keyout", key, "-out", certificate],
                timeout_s=60,
            )
            if done.code != 0:
                return "", f"no certificate for :443, and openssl could not make one: {done.message}"
            owner = "" if os.geteuid() != 0 else str(folder.owner())
            files.replace(path, certificate.read_text() + key.read_text(), mode=0o600, owner=owner)
    return str(path), f"no certificate was given for :443: it uses the self-signed {path}"


def warnings(used: Sequence[Certificate]) -> list[str]:
    now = time.time()
    return [words for words in (certificate.warning(now) for certificate in used) if words]


def _inside(folder: str) -> list[str]:
    try:
        return sorted(
            str(path)
            for path in Path(folder).iterdir()
            if path.suffix not in _BESIDE and not path.name.startswith(".") and path.is_file()
        )
    except OSError:
        return []


def _key(path: str) -> Path:
    own = Path(path)
    return own.with_suffix(".key") if own.suffix == ".crt" else own.with_name(f"{own.name or '.'}.key")


def _unreadable(path: str) -> str:
    key = _key(path)
    try:
        if quoted(path) != path:
            return "a blank, a quote or the like in its name: give it another"
        Path(path).open("rb").close()
        if key.exists():
            key.open("rb").close()
    except OSError as error:
        complaint = error.strerror or str(error)
        return complaint if error.filename == path else f"{error.filename}: {complaint}"
    except ValueError as error:
        return str(error)
    return ""


def _probe(paths: list[str]) -> str:
    certificates = "".join(f" crt {quoted(path)}" for path in paths)
    return (
        "global\n  ssl-load-extra-del-ext\n"
        "defaults\n  mode http\n  timeout client 1s\n"
        f"frontend probe\n  bind 127.0.0.1:443 ssl{certificates}\n"
    )


def _described(path: str) -> Certificate:
    """Of a file that HAProxy takes. openssl is asked for what stands in it."""
    try:
        content = Path(path).read_bytes() + (_key(path).read_bytes() if _key(path).is_file() else b"")
    except OSError:  # taken away this very moment: the next look sees it
        return Certificate(path)
    argv = [
        "openssl",
        "x509",
        "-noout",
        "-enddate",
        "-fingerprint",
        "-sha1",
        "-subject",
        "-nameopt",
        "RFC2253",
    ]
    names: list[str] = []
    not_after, sha1 = 0.0, ""
    for line in commands.run([*argv, "-ext", "subjectAltName", "-in", path]).output.splitlines():
        name, _, value = line.strip().partition("=")
        if name == "notAfter":
            not_after = float(ssl.cert_time_to_seconds(value))
        elif name.lower() == "sha1 fingerprint":
            sha1 = value.replace(":", "").upper()
        elif name == "subject":
            names += [part[3:] for part in value.strip().split(",") if part.startswith("CN=")]
        elif line.strip().startswith(("DNS:", "IP Address:")):
            names += [item.strip().partition(":")[2] for item in line.split(",")]
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Certificate(path, "", tuple(dict.fromkeys(names)), not_after, digest, sha1)
