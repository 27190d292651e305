"""Asking for a domain: by this machine's resolver, or at one name server. Never later than the deadline."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading

from appliance.domain.model import SYSTEM, Answer
from appliance.errors import MissingError

DEADLINE_S = 2.0
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def ask(domain: str, server: str = "", deadline_s: float = DEADLINE_S) -> Answer:
    """What `server` says, or this machine's resolver. Raises MissingError if a server needs dnspython."""
    return at(server, domain, deadline_s) if server else system(domain, deadline_s)


def system(domain: str, deadline_s: float = DEADLINE_S) -> Answer:
    """What programs on this machine get: /etc/hosts, resolv.conf and whatever nsswitch.conf names.

    The C library's resolver has no deadline: it is asked in a thread, which is left behind when it is late.
    """
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_system(domain)), name="resolver", daemon=True).start()
    try:
        return answers.get(timeout=deadline_s)
    except queue.Empty:
        return Answer(SYSTEM, problem=f"not within {deadline_s:g} s")


def _system(domain: str) -> Answer:
    try:
        found = socket.getaddrinfo(domain, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        problem = "" if error.errno in _NO_SUCH_NAME else str(error.strerror)
        return Answer(SYSTEM, problem=problem)
    except (OSError, UnicodeError) as error:
        return Answer(SYSTEM, problem=str(error))
    return Answer(SYSTEM, _sorted({str(entry[4][0]).partition("%")[0] for entry in found}))


def at(server: str, domain: str, deadline_s: float = DEADLINE_S) -> Answer:
    """Ask the name server at the IP address `server`, for IPv4 and IPv6. Raises MissingError."""
    found = [_at(server, domain, kind, deadline_s / 2) for kind in ("A", "AAAA")]
    addresses = {address for answer in found for address in answer.addresses}
    # Some servers refuse the family that they have nothing of: what is known of the other one counts.
    problem = "" if addresses else next((answer.problem for answer in found if answer.problem), "")
    ttl_s = min((answer.ttl_s for answer in found if answer.ttl_s is not None), default=None)
    return Answer(server, _sorted(addresses), problem, ttl_s)


def _at(server: str, domain: str, kind: str, deadline_s: float) -> Answer:
    try:
        import dns.exception  # noqa: PLC0415 - an extra
        import dns.resolver  # noqa: PLC0415
    except ImportError:
        text = "asking one name server needs dnspython: install it by 'pip install dnspython'"
        raise MissingError(text) from None
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers = [server]
    try:
        found = asking.resolve(f"{domain}.", kind, lifetime=deadline_s, raise_on_no_answer=False).rrset
    except dns.resolver.NXDOMAIN:
        return Answer(server)
    except dns.exception.Timeout:
        return Answer(server, problem=f"not within {deadline_s:g} s")
    except (dns.exception.DNSException, OSError) as error:
        return Answer(server, problem=" ".join(str(error).split()))
    return Answer(server, tuple(it.address for it in found), ttl_s=found.ttl) if found else Answer(server)


def _sorted(addresses: set[str]) -> tuple[str, ...]:
    """One spelling each, IPv4 first."""
    parsed = {ipaddress.ip_address(address) for address in addresses}
    return tuple(str(address) for address in sorted(parsed, key=lambda it: (it.version, int(it))))
