"""Who the masters are, what they may be told, and one HTTP request to one of them.

Credentials go to configured masters only: a redirect elsewhere is followed without them.
"""

from __future__ import annotations

import base64
import re
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from appliance.errors import MarathonError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONNECT_TIMEOUT_S = 3.05
"""A bit above the 3 s after which TCP repeats a lost SYN."""
MAX_REDIRECTS = 2
_PORTS = {"http": 80, "https": 443}
_LONGEST_REFUSAL = 4096


class RefusalError(MarathonError):
    """A status other than 200; of a 404 `body` begins with what the master said, whatever that is."""

    def __init__(self, words: str, status: int, body: str) -> None:
        super().__init__(words)
        self.status = status
        self.body = body


class Login(Protocol):
    """What a master is told about who asks."""

    @property
    def header(self) -> str:
        """The value of `Authorization`. Raises MarathonError when it cannot be had now."""

    def refused(self) -> None:
        """A master answered 401 to that header."""


@dataclass(frozen=True)
class Credentials:
    """For HTTP basic authentication. Neither part is ever shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> Credentials:
        """`user:password`, split at the first colon. `source` names it in the SettingsError."""
        user, colon, password = text.partition(":")
        if not user or not colon or not password or not text.isprintable():
            raise SettingsError(f"{source}: does not hold user:password in one line")
        return cls(user, password)

    @classmethod
    def load(cls, path: Path) -> Credentials:
        """From the first line of a file that only its owner and group can read. Raises SettingsError."""
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & stat.S_IRWXO:
                raise SettingsError(
                    f"{path}: everybody can read these credentials (mode {mode:04o}); "
                    f"run: chmod o= {path}, and change the password if others use this machine"
                )
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: the credentials cannot be read: {error}") from None
        return cls.parse(text.partition("\n")[0].rstrip("\r"), str(path))

    @property
    def header(self) -> str:
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"

    def refused(self) -> None:
        """They are what they are."""


def masters(urls: Iterable[str]) -> tuple[str, ...]:
    """The URLs without duplicates and trailing slashes. Raises SettingsError naming the wrong one."""
    found: dict[str, None] = {}
    for url in urls:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0 and url.isprintable()
        except ValueError:
            usable = False
        if not usable or " " in url:
            raise SettingsError(f"Marathon URL {url!r} is not http://HOST:PORT or https://HOST:PORT")
        if parts.username is not None:
            place = parts.netloc.rpartition("@")[2]
            raise SettingsError(
                f"Marathon URL {parts.scheme}://…@{place}: credentials do not belong into a URL; put "
                "user:password into a file that others cannot read and name that file"
            )
        found[url.rstrip("/")] = None
    if not found:
        raise SettingsError("no Marathon URL is given; name at least one, http://HOST:8080")
    return tuple(found)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: requests would read a redirect's whole body, however long it takes."""


class Access:
    """Requests to the masters: TLS verified, nothing taken from the environment, redirects by our rules."""

    def __init__(
        self,
        urls: Sequence[str],
        credentials: Login | None = None,
        ca_cert: str = "",
        *,
        verify: bool = True,
    ) -> None:
        """`urls` may be empty when masters are going to be `found`.

        `ca_cert`: a file of CAs to trust instead of the system's; `verify` False: trust any certificate.
        Raises SettingsError.
        """
        self._named = masters(urls) if urls else ()
        self._found: dict[str, tuple[str, ...]] = {}
        self._credentials = credentials
        self.trouble = "no Marathon URL is given; name at least one, http://HOST:8080"
        """Why there is no master to ask, when `urls` is empty."""
        if ca_cert and not Path(ca_cert).is_file():
            raise SettingsError(f"{ca_cert}: no such file; it should hold the CA of Marathon's certificate")
        self._verify: str | bool = (ca_cert or system_cas()) if verify else False
        if not verify:  # the program says so once, when it starts
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._scheme = "https" if ca_cert or any(url.startswith("https") for url in self._named) else "http"

    @property
    def urls(self) -> tuple[str, ...]:
        """All masters known now: those that were named, then those that were found."""
        found = (url for urls in tuple(self._found.values()) for url in urls)
        return tuple(dict.fromkeys((*self._named, *found)))

    def in_order(self, last_good: str) -> list[str]:
        """The masters in the order in which to ask them. Raises MarathonError if none is known."""
        urls = self.urls
        if not urls:
            raise MarathonError(self.trouble)
        return sorted(urls, key=lambda url: url != last_good)

    def found(self, source: str, netlocs: Sequence[str]) -> tuple[str, ...]:
        """Masters as host:port, the leader first, instead of what `source` named before; as URLs.

        They are trusted as if they were named, and spoken to by https if a CA or another URL says so.
        """
        self._found[source] = tuple(f"{self._scheme}://{netloc}" for netloc in netlocs)
        return self._found[source]

    def _trusts(self, url: str) -> bool:
        _, host, port = origin = _origin(url)
        origins = [_origin(known) for known in self.urls]
        # The same place by https is no worse.
        return origin in origins or (
            origin[0] == "https" and (host, port) in [known[1:] for known in origins]
        )

    def get(self, url: str, headers: Mapping[str, str], read_timeout_s: float) -> requests.Response:
        """The answer with status 200, its body not yet read; the caller closes it.

        Raises MarathonError with the reason alone. `read_timeout_s` is the longest silence.
        """
        place = url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(place, headers, read_timeout_s)
            if response.status_code == requests.codes.ok:
                return response
            target = response.headers.get("Location")
            if target is None or not response.is_redirect:
                raise self._refused(response, place, redirected=place != url)
            response.close()
            place = _redirected(place, target)
        raise MarathonError(f"redirects more than {MAX_REDIRECTS} times, last to {place[:100]!r}")

    def _ask(self, url: str, headers: Mapping[str, str], read_timeout_s: float) -> requests.Response:
        sent = {"User-Agent": "marathon-ha-appliance", "Connection": "close", **headers}
        if self._credentials and self._trusts(url):
            sent["Authorization"] = self._credentials.header
        try:
            # A session for each request: a connection that was kept may be closed by its master at the
            # moment it is used again, which looks like a dead master.
            session = _Session()
            session.trust_env = False  # no proxy, no .netrc
            return session.get(
                url,
                headers=sent,
                verify=self._verify,
                timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            words = reason(error)
            hint = "; is it https://?" if url.startswith("http:") and words in _PERHAPS_TLS else ""
            raise MarathonError(words + hint) from None

    def _refused(self, response: requests.Response, url: str, *, redirected: bool) -> RefusalError:
        """The error for an answer that is neither good nor a redirect; it is closed."""
        status = response.status_code
        body = b""
        try:
            if status == requests.codes.not_found:
                body = response.raw.read1(_LONGEST_REFUSAL, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            pass  # the status says enough
        finally:
            response.close()
        words = self._refusal(status, url, redirected=redirected)
        if status == requests.codes.unauthorized and self._credentials and self._trusts(url):
            self._credentials.refused()
        return RefusalError(words, status, body.decode("utf-8", "replace"))

    def _refusal(self, status: int, url: str, *, redirected: bool) -> str:
        via = f" from {urlsplit(url).netloc}, where it redirects to" if redirected else ""
        if status not in (401, 403):
            return f"HTTP {status}{via}"
        if not self._credentials:
            return f"HTTP {status}{via}: it wants credentials, and none are given"
        if not self._trusts(url):
            return f"HTTP {status}{via}: credentials go to configured masters only; name that one, too"
        return f"HTTP {status}{via}: the credentials are not accepted"


def _redirected(url: str, target: str) -> str:
    try:
        place = urljoin(url, target)
        _origin(place)
    except (ValueError, KeyError):
        raise MarathonError(f"redirects to {target[:100]!r}, which is no HTTP address") from None
    return place


def system_cas() -> str | bool:
    """Where this system keeps the CAs it trusts; True: those that came with requests."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]


def reason(error: Exception) -> str:
    """Why a request failed, in a few words."""
    text = str(error)
    for pattern, words in _REASONS:
        if re.search(pattern, text):
            return words
    kind = type(error).__name__
    if "ConnectTimeout" in kind:
        return f"does not accept a connection within {CONNECT_TIMEOUT_S:.0f} s"
    if "Timeout" in kind or isinstance(error, TimeoutError):
        return "stopped answering"
    if "SSL" in kind:
        return f"TLS failed: {text[:200]}"
    return f"{kind}: {text[:200]}"


_REASONS = (
    ("WRONG_VERSION_NUMBER|record layer failure", "speaks no TLS on this port; use http://"),
    ("Hostname mismatch|IP address mismatch", "its TLS certificate is for another name than the URL's"),
    ("certificate has expired", "its TLS certificate has expired"),
    ("CERTIFICATE_VERIFY_FAILED", "its TLS certificate is not trusted; name its CA with --marathon-ca-cert"),
    ("Connection refused", "refuses the connection"),
    ("NameResolutionError|Name or service not known|getaddrinfo", "its name does not resolve"),
    ("No route to host|Network is unreachable", "cannot be reached: no route"),
    ("Connection reset", "resets the connection"),
    ("Remote end closed|RemoteDisconnected", "closes the connection without an answer"),
    ("IncompleteRead", "cuts its answer off"),
    ("BadStatusLine|Connection aborted|InvalidHeader", "does not speak HTTP on this port"),
    ("ConnectTimeout", f"does not accept a connection within {CONNECT_TIMEOUT_S:.0f} s"),
    ("Read timed out|timed out", "stopped answering"),
)
_PERHAPS_TLS = (
    "closes the connection without an answer",
    "does not speak HTTP on this port",
    "resets the connection",
)
"""How a TLS port answers plain HTTP."""
