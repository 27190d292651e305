"""Login with a DC/OS service account: a signed request for a token, which every request then carries."""

from __future__ import annotations

import base64
import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

import requests

from appliance import commands
from appliance.errors import ApplianceError, MarathonError, SettingsError
from appliance.marathon.access import reason, system_cas

if TYPE_CHECKING:
    from collections.abc import Mapping

COOKIE = "dcos-acs-auth-cookie"
TOKEN_S = 3600.0
"""What we ask for."""
REFRESH_S = 300.0
"""So long before its end a token is replaced: a stream that opens with it should live."""
REQUEST_S = 60.0
RETRY_S = 5.0
TIMEOUT_S = (3.05, 10.0)


@dataclass(frozen=True)
class ServiceAccount:
    uid: str
    private_key: str = field(repr=False)
    """PEM."""
    login_endpoint: str

    @classmethod
    def parse(cls, text: str, source: str) -> ServiceAccount:
        """DC/OS' JSON of a service account. Raises SettingsError, which shows nothing of the key."""
        try:
            tree = json.loads(text)
            account = cls(*(str(tree[key]) for key in ("uid", "private_key", "login_endpoint")))
        except (ValueError, LookupError, TypeError):
            raise SettingsError(
                f"{source}: is not JSON with uid, private_key and login_endpoint, as DC/OS hands it out"
            ) from None
        if not account.login_endpoint.startswith(("http://", "https://")):
            raise SettingsError(f"{source}: login_endpoint does not start with https://")
        return account


class Session:
    """A token that is renewed before it ends. `header` is what `access.Login` wants."""

    def __init__(
        self,
        account: ServiceAccount,
        ca_cert: str = "",
        *,
        verify: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._verify: str | bool = (ca_cert or system_cas()) if verify else False
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = self._not_before = 0.0
        self._trouble = ""

    @property
    def header(self) -> str:
        """Raises MarathonError when there is no token now; the next attempt is some seconds away then."""
        with self._lock:
            now = self._clock()
            if now >= self._until - REFRESH_S and now >= self._not_before:
                self._renew(now)
            if not self._token or now >= self._until:
                raise MarathonError(self._trouble)
            return f"token={self._token}"

    def refused(self) -> None:
        with self._lock:
            self._until = 0.0

    def _renew(self, now: float) -> None:
        try:
            self._token, self._until = self._log_in(now), now + TOKEN_S
        except ApplianceError as error:
            self._trouble = str(error)
            self._not_before = now + RETRY_S

    def _log_in(self, now: float) -> str:
        """Raises MarathonError, MissingError."""
        account, until = self._account, int(now + TOKEN_S)
        login = {"uid": account.uid, "exp": int(now + REQUEST_S)}
        document = {"uid": account.uid, "token": signed(login, account.private_key), "exp": until}
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    account.login_endpoint,
                    json=document,
                    timeout=TIMEOUT_S,
                    verify=self._verify,
                    allow_redirects=False,
                )
        except (requests.RequestException, OSError, ValueError) as error:
            raise MarathonError(f"the login at {account.login_endpoint} {reason(error)}") from None
        token = answer.cookies.get(COOKIE) or ""
        if answer.status_code != requests.codes.ok or not token.isprintable() or not token:
            raise MarathonError(
                f"{account.login_endpoint} does not log {account.uid} in: HTTP {answer.status_code}"
            )
        return token


def signed(claims: Mapping[str, object], private_key: str) -> str:
    """A JSON web token, RS256 (RFC 7515), by the openssl command. Raises MarathonError, MissingError."""
    head = {"alg": "RS256", "typ": "JWT"}
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    with tempfile.NamedTemporaryFile("w", prefix="login-") as file:
        file.write(text)
        file.flush()
        # The key goes through a pipe: it is never written anywhere, nor seen in a list of processes.
        done = commands.run(
            ["openssl", "dgst", "-sha256", "-hex", "-sign", "/dev/stdin", file.name], stdin=private_key
        )
    try:
        signature = bytes.fromhex(done.output.rpartition("= ")[2].strip())
    except ValueError:
        signature = b""
    if done.code != 0 or not signature:
        raise MarathonError("the private key of the service account cannot sign: is it an RSA key in PEM?")
    return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
