"""Finding Marathon and the other slaves: by the slave's own /etc/mesos/zk.

The ZooKeeper that it names mostly knows Marathon's masters, too; else the hosts that it names are asked.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests

from appliance import files
from appliance.errors import MarathonError
from appliance.marathon import zookeeper
from appliance.marathon.access import reason, system_cas
from appliance.marathon.ensemble import Ensemble
from appliance.settings import Node
from appliance.setup.model import Agents, Level, Masters, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from appliance.marathon.access import Credentials
    from appliance.setup.model import Finding

MARATHON_PORT = 8080
MARATHON_PATH = "/marathon"
"""Where Marathon keeps its state in ZooKeeper, unless it was told otherwise."""
ZOOKEEPER_TIMEOUT_S = 1.5
MESOS_PORT = 5050
TIMEOUT_S = (2.0, 5.0)
"""To connect, to answer. A dead host of the list costs the first."""

MOST_HOPS = 8


@dataclass(frozen=True)
class Answer:
    """What one URL said: a JSON object, or in `trouble` why there is none."""

    url: str
    status: int = 0
    tree: dict[str, Any] | None = None
    trouble: str = ""
    location: str = ""


def zookeeper_hosts(text: str) -> tuple[str, ...]:
    """Hosts of `zk://[user:password@]a:2181,b:2181/mesos`, without ports; none if it is no such line."""
    return tuple(host.rpartition(":")[0] or host for host in _hosts(text))


def _hosts(text: str) -> tuple[str, ...]:
    match = re.match(r"\s*zk://(?:[^/@\s]*@)?([^/\s]+)", text)
    return tuple(host for host in match[1].split(",") if host) if match else ()


def slave_masters(root: Path) -> tuple[str, ...]:
    """Hosts that this slave's own configuration names, from `etc/mesos/zk` below `root`."""
    return tuple(host.rpartition(":")[0] or host for host in slave_hosts(root))


def slave_hosts(root: Path) -> tuple[str, ...]:
    """The same with their ports, as they stand there."""
    try:
        return _hosts(files.read(root / "etc/mesos/zk") or "")
    except (OSError, UnicodeDecodeError):
        return ()


def found_masters(root: Path, login: Credentials | None) -> Masters:
    """Masters that nobody named: as ZooKeeper has them, else on the hosts of that ZooKeeper."""
    hosts = slave_hosts(root)
    if hosts:
        ensemble = Ensemble(",".join(hosts), MARATHON_PATH)
        found = masters((str(ensemble),), (), login)
        if found.finding.level is not Level.FAIL:
            return found
    return masters((), slave_masters(root), login)


def masters(
    asked: Sequence[str], hosts: Sequence[str], login: Credentials | None, verify: str | bool = True
) -> Masters:
    """Marathon's masters: `asked` as they stand, else those on `hosts`, the first that answers in front.

    `verify`: the file of CAs to trust, True for the system's, False for any certificate.
    """
    troubles: list[tuple[str, Answer]] = []
    urls = tuple(url for name in asked for url in _http(name, troubles)) if asked else ()
    if asked and not urls:
        return Masters(tuple(asked), _silent(troubles, login, asked=True))
    urls = urls or tuple(f"http://{host}:{MARATHON_PORT}" for host in hosts)
    if not urls:
        unknown = "no Marathon is known: no /etc/mesos/zk names one"
        return Masters((), fail("marathon", unknown, "name it by --marathon URL"))
    for url in urls:
        answer = _ask(f"{url.rstrip('/')}/v2/info", login, verify)
        if answer.tree is not None and {"name", "version"} <= answer.tree.keys():
            found = ok("marathon", f"{url} answers, version {answer.tree['version']}")
            others = (other for other in urls if other != url)
            return Masters(tuple(asked) or (url, *others), found)
        troubles.append((url, answer))
    return Masters(tuple(asked) or urls, _silent(troubles, login, asked=bool(asked)))


def _http(name: str, troubles: list[tuple[str, Answer]]) -> tuple[str, ...]:
    """The URLs that `name` means: itself, or the masters in the ZooKeeper that it is."""
    if not name.startswith("zk://"):
        return (name,)
    ensemble = Ensemble.parse(name)
    try:
        return tuple(f"http://{netloc}" for netloc in zookeeper.look(ensemble, ZOOKEEPER_TIMEOUT_S))
    except MarathonError as error:
        troubles.append((str(ensemble), Answer("", trouble=str(error).removeprefix(f"{ensemble} "))))
        return ()


def _silent(troubles: Sequence[tuple[str, Answer]], login: Credentials | None, *, asked: bool) -> Finding:
    said = "; ".join(f"{url} {_marathon_trouble(answer, login)}" for url, answer in troubles)
    return fail("marathon", said, _marathon_cure(troubles, login, asked))


def _marathon_trouble(answer: Answer, login: Credentials | None) -> str:
    if answer.status == 401:
        return "refuses the credentials (401)" if login else "asks for credentials (401)"
    return answer.trouble or "answers, but not as a Marathon"


def _marathon_cure(troubles: Iterable[tuple[str, Answer]], login: Credentials | None, asked: bool) -> str:
    if any(answer.status == 401 for _, answer in troubles):
        what = "correct" if login else "put"
        return f"{what} user:password in a file and name it by --credentials-file"
    return "correct --marathon or start Marathon" if asked else "start Marathon or name it by --marathon URL"


def agents(
    asked: str, hosts: Sequence[str], login: Credentials | None, subnet: ipaddress.IPv4Network
) -> Agents:
    """Active agents with an address in `subnet`, asked of the Mesos master at `asked` or on `hosts`.

    Of several masters only the leader answers; the others redirect to it. Credentials are sent only
    after a 401, and only to the masters that were named here, never to where a redirect leads.
    """
    listed = agents_listed(asked, hosts, login)
    if listed.agents is None:
        return Agents((), warn("peers", listed.source, "name the other nodes by --peer IP"))
    nodes = agents_in(listed.agents, subnet)
    return Agents(nodes, ok("peers", f"{listed.source} lists {len(nodes)} agents in {subnet}"))


@dataclass(frozen=True)
class Listed:
    source: str
    """The URL that was answered, or why there is no answer."""
    agents: Sequence[Any] | None
    """As the master lists them; None: no master answers."""


def agents_listed(asked: str, hosts: Sequence[str], login: Credentials | None) -> Listed:
    """All agents, the inactive ones among them; asked as `agents` says."""
    waiting = [asked.rstrip("/")] if asked else [f"http://{host}:{MESOS_PORT}" for host in hosts]
    waiting = [f"{url}/master/slaves" for url in waiting]
    trusted = {urlsplit(url).hostname for url in waiting}
    troubles = []
    seen: list[str] = []
    while waiting and len(seen) < MOST_HOPS:
        url = waiting.pop(0)
        seen.append(url)
        answer = _ask(url, None)
        if answer.status == 401 and login and urlsplit(url).hostname in trusted:
            answer = _ask(url, login)
        if answer.tree is not None and isinstance(answer.tree.get("slaves"), list):
            return Listed(url, answer.tree["slaves"])
        if answer.location and urljoin(url, answer.location) not in seen:
            waiting.append(urljoin(url, answer.location))
        else:
            troubles.append(f"{url} {answer.trouble or 'does not list agents'}")
    return Listed("; ".join(troubles) or "no Mesos master is known here", None)


def agents_in(slaves: Sequence[Any], subnet: ipaddress.IPv4Network) -> tuple[Node, ...]:
    """Nodes in the master's list: active, address (the part of `pid` behind @) in `subnet`, by address."""
    found: dict[ipaddress.IPv4Address, str] = {}
    for slave in slaves:
        if not isinstance(slave, dict) or not slave.get("active"):
            continue
        text = str(slave.get("pid", "")).rpartition("@")[2].rpartition(":")[0]
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            continue
        if address in subnet:
            found[address] = str(slave.get("hostname") or text)
    return tuple(Node(found[address], str(address)) for address in sorted(found))


def _ask(url: str, login: Credentials | None, verify: str | bool = True) -> Answer:
    headers = {"Authorization": login.header} if login else {}
    with requests.Session() as session:
        session.trust_env = False  # masters are neighbours: no proxy, no .netrc
        try:
            reply = session.get(
                url,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
                verify=system_cas() if verify is True else verify,
            )
        except requests.Timeout:
            return Answer(url, trouble="does not answer in time")
        except requests.exceptions.SSLError as error:
            return Answer(url, trouble=reason(error))
        except requests.ConnectionError:
            return Answer(url, trouble="does not answer")
        except requests.RequestException as error:
            return Answer(url, trouble=f"cannot be asked: {error}")
    return _read(url, reply)


def _read(url: str, reply: requests.Response) -> Answer:
    if reply.is_redirect:
        return Answer(url, reply.status_code, location=reply.headers["Location"], trouble="redirects")
    if reply.status_code != 200:
        return Answer(url, reply.status_code, trouble=f"answers {reply.status_code} {reply.reason}".strip())
    try:
        tree = reply.json()
    except ValueError:
        return Answer(url, reply.status_code, trouble="answers, but with no JSON")
    return Answer(url, reply.status_code, tree if isinstance(tree, dict) else None)
