"""How nodes know each other's orders from a stranger's: each pair has a key that nobody else can make.

Every node has a secret number of its own and shows what follows from it (Diffie-Hellman, the 2048-bit
group of RFC 3526). A node notes what a peer showed at their first contact, as ssh does; a peer that shows
something else later is refused until the operator says `appliance trust`. With a cluster secret in place
(`appliance-setup --secret-file`) that is the key instead, and first contact is not trusted.

An order carries a MAC over all that it says and over a challenge that the receiver made for it: it cannot be
changed, sent again, or sent to another node. No clock is involved.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance import files
from appliance.errors import ApplianceError, SettingsError
from appliance.paths import USER

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.paths import Paths

PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
"""RFC 3526, section 3."""
GENERATOR = 2
SECRET_BYTES = 32
SHORTEST_SECRET = 16
"""Characters of a cluster secret that somebody made up."""


class UntrustedError(ApplianceError):
    """The two nodes have no key in common; the message says what to do."""


@dataclass(frozen=True)
class Order:
    """What is asked of a node, and everything that its MAC covers."""

    sender: str
    receiver: str
    """Addresses of the nodes."""
    challenge: str
    body: str

    def mac(self, key: bytes) -> str:
        said = json.dumps([self.sender, self.receiver, self.challenge, self.body])
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()

    def is_from(self, key: bytes, mac: str) -> bool:
        return hmac.compare_digest(self.mac(key).encode(), mac.encode())


@functools.lru_cache(maxsize=4)
def public(private: int) -> str:
    return f"{pow(GENERATOR, private, PRIME):x}"


def common(private: int, shown: str) -> bytes:
    """The key of two nodes, the same on both. Raises ValueError for a number that gives no secret."""
    number = int(shown, 16)
    if not 2 <= number <= PRIME - 2:
        raise ValueError("not a public number of this group")
    secret = pow(number, private, PRIME)
    return hashlib.sha256(b"marathon-ha-appliance/1" + secret.to_bytes(256, "big")).digest()


class Trust:
    """This node's secret, and what its peers showed. Files in the state folder, 0600, of the agent's user."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def begin(self) -> None:
        """Make this node's secret unless it has one. Raises OSError."""
        if not self._paths.node_secret.exists():
            _write(self._paths.node_secret, f"{secrets.randbits(8 * SECRET_BYTES):x}\n")

    def shown(self) -> str:
        """What this node shows to its peers; '' while it has no secret."""
        text = _read(self._paths.node_secret)
        return public(int(text, 16)) if text else ""

    def note(self, address: str, shown: str) -> bool:
        """Take what a peer shows at the first contact. Whether this was it: later ones change nothing."""
        known = self._known()
        if not shown or address in known or self._paths.cluster_secret.exists():
            return False
        _write(self._paths.known_peers, json.dumps({**known, address: shown}, indent=1) + "\n")
        return True

    def forget(self, address: str) -> bool:
        """Trust what the peer shows next. Whether anything was known of it."""
        known = self._known()
        if address not in known:
            return False
        del known[address]
        _write(self._paths.known_peers, json.dumps(known, indent=1) + "\n")
        return True

    def differs(self, address: str, shown: str) -> bool:
        """Whether a peer shows something else than at the first contact."""
        return bool(shown) and self._known().get(address, shown) != shown

    def key(self, address: str) -> bytes:
        """What this node and the peer have in common. Raises UntrustedError."""
        secret = _read(self._paths.cluster_secret)
        if secret:
            return hashlib.sha256(secret.encode()).digest()
        own, shown = _read(self._paths.node_secret), self._known().get(address)
        if not own or not shown:
            raise UntrustedError(f"{address} and this node have not met yet: both agents have to run")
        try:
            return common(int(own, 16), shown)
        except ValueError:
            raise UntrustedError(
                f"{address} showed no usable number: 'appliance trust {address}' here"
            ) from None

    def _known(self) -> dict[str, str]:
        return {key: value for key, value in files.report(self._paths.known_peers).items() if value}


def secret_in(path: Path) -> str:
    """A cluster secret that an operator gave. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    if len(text) < SHORTEST_SECRET or "\n" in text:
        raise SettingsError(
            f"{path}: a cluster secret is one line of at least {SHORTEST_SECRET} characters; "
            f"make one by 'openssl rand -hex 32 > {path}'"
        )
    return text


def _read(path: Path) -> str:
    try:
        return (files.read(path) or "").strip()
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    files.replace(path, text, mode=0o600, owner=_owner(path))


def _owner(path: Path) -> str:
    """The agent's user, which the folder belongs to, also when root writes."""
    try:
        return USER if path.parent.owner() == USER else ""
    except KeyError:
        return ""
