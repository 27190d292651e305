"""Every alarm there is: what it means, where it comes from, what to do. The one table of them; pure.

Status, `appliance explain ID` and docs/runbook.md are made of it. An id never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

RUNBOOK = "docs/runbook.md"


class Level(Enum):
    CRITICAL = "critical"
    """Requests fail, or soon will: now, whatever the hour."""
    WARNING = "warning"
    """Nothing fails yet, but what stands in for a failure is weaker: today."""
    NOTICE = "notice"
    """Nothing is wrong with the appliance: `status` still ends with exit code 0."""


@dataclass(frozen=True)
class Kind:
    id: str
    level: Level
    sign: str
    """What is to be seen, and what it means for requests."""
    causes: tuple[str, ...]
    cure: str
    """One line: what to do first."""
    commands: tuple[str, ...] = ()
    """To find out more, or to do it."""

    @property
    def runbook(self) -> str:
        """Where docs/runbook.md speaks of it."""
        return f"{RUNBOOK}#{self.id.lower()}"


_C, _W, _N = Level.CRITICAL, Level.WARNING, Level.NOTICE
_ALL = (
    Kind(
        "VIP-NO-OWNER",
        _C,
        "No node that answers has the VIP: nobody is served by it.",
        (
            "the load balancer works on no node, and `cluster.when_none_works` says that then none holds it",
            "keepalived runs on no node",
            "the owner does not answer its peers' agents (TCP 9099), but serves",
        ),
        "look at the sum behind each node's priority; bring back the load balancer of one node",
        ("appliance explain", "appliance events -n 50", "appliance logs keepalived"),
    ),
    Kind(
        "VIP-TWO-OWNERS",
        _C,
        "Two nodes have the VIP for longer than a move takes. Plain requests are served by either; stick tables and "
        "rate limits count separately, and a switch may send a connection to the other node in its middle.",
        (
            "a firewall or switch drops protocol 112 between them, in one direction or both",
            "another product on this network uses the same virtual router id",
            "a machine that is no node has this address",
            "a switch forwards no multicast, and the nodes' list is empty",
        ),
        "let protocol 112 pass between all nodes, both ways; it ends by itself then",
        ("ip -br address", "tcpdump -ni eth0 proto 112"),
    ),
    Kind(
        "VIP-PEERS-SILENT",
        _W,
        "The owner hears no peer: no adverts and no answers from their agents. If they live, they have elected another owner.",
        ("this node is cut off from the others", "all other nodes are down"),
        "see the network between the nodes: protocol 112 and TCP 9099",
        ("ping -c3 PEER", "curl -s http://PEER:9099/status.json"),
    ),
    Kind(
        "VRRP-DOWN",
        _W,
        "keepalived does not run on a node, or holds it in FAULT: that node cannot take the VIP.",
        (
            "`appliance node stop` was said there, or the node boots",
            "its interface is down or has lost its address",
            "its load balancer just failed: it comes back by itself after a few good looks",
        ),
        "on that node: start it, or look into keepalived's log",
        ("appliance node start", "appliance logs keepalived", "ip -br link"),
    ),
    Kind(
        "LB-DOWN",
        _W,
        "The load balancer of a node does not work: the VIP goes elsewhere. It is critical when this is the last node.",
        (
            "HAProxy ended and its restart is not done",
            "HAProxy does not answer on :80",
            "HAProxy refuses the configuration that it shall start with",
        ),
        "on that node: see why HAProxy does not serve; supervisord starts it again by itself",
        ("appliance logs haproxy", "appliance config validate", "appliance node start"),
    ),
    Kind(
        "LB-DEGRADED",
        _W,
        "The load balancer of a node works, but knows less, or reaches fewer servers, than a peer's: a better node has the VIP.",
        (
            "the node serves the picture that it had on disk, for it reaches no Marathon master",
            "the node reaches fewer tasks than its peers: a route or a switch",
        ),
        "compare this node's way to Marathon and to the Mesos agents with a peer's",
        ("appliance doctor", "appliance apps", "ip route get AGENT"),
    ),
    Kind(
        "LB-NOWHERE",
        _C,
        "Floating mode: Marathon runs the load balancer on no node that answers, so nobody serves.",
        (
            "the app is scaled to 0 or suspended",
            "no agent of its constraints has room",
            "its tasks keep failing",
        ),
        "see the load balancer's app in Marathon; 'appliance marathon-app' prints how it should be",
        ("appliance doctor", "appliance marathon-app"),
    ),
    Kind(
        "LB-SILENT",
        _W,
        "The generator of a node has written nothing for 30 s: HAProxy serves on, changes of Marathon may be missing there.",
        ("the program `lb` does not run", "/run is full or read-only", "the node is overloaded"),
        "on that node: see whether `lb` runs, and whether /run has room",
        ("appliance logs lb", "df -h /run", "appliance node start"),
    ),
    Kind(
        "HAPROXY-SILENT",
        _W,
        "HAProxy's master takes a question and does not answer: what it runs is not known, and nothing can be changed.",
        ("the machine is overloaded or out of memory", "HAProxy's master hangs"),
        "if it lasts, restart the node's appliance: the VIP moves first",
        ("appliance node stop --graceful", "appliance node start"),
    ),
    Kind(
        "RELOAD-FAILED",
        _W,
        "HAProxy did not take the newest configuration: it serves on with the one before, and changes are missing.",
        (
            "HAProxy refuses it, and no single app could be found that is to blame",
            "a file that it names is missing or may not be read",
            "too few file descriptors, or no memory for another worker",
        ),
        "read what HAProxy says; it is tried again at every change",
        ("appliance events -n 20", "appliance config diff", "appliance logs lb"),
    ),
    Kind(
        "CFG-DRIFT",
        _W,
        "Nodes serve different configurations though each has settled: after a failover requests may be routed differently.",
        (
            "appliance.toml, templates or certificates' paths differ between nodes",
            "a node follows another Marathon, or sees another picture",
            "different versions of the appliance or of HAProxy",
        ),
        "compare the configurations of two nodes, then run the same appliance-setup on each",
        ("curl -s http://NODE:9090/_haproxy_getconfig", "appliance config show"),
    ),
    Kind(
        "NODES-DIFFER",
        _W,
        "The nodes do not list the same nodes in the same order: two of them may have one rank.",
        ("a node was added or removed, and setup was not run on all of them",),
        "run the same appliance-setup on each node",
        ("appliance-setup --dry-run",),
    ),
    Kind(
        "VERSIONS-DIFFER",
        _N,
        "The nodes run different versions of the appliance: an upgrade is not finished.",
        ("an upgrade under way, or forgotten",),
        "upgrade the rest, then restart it there: the VIP is handed over first",
        ("systemctl restart marathon-ha-appliance",),
    ),
    Kind(
        "NODE-UNREACHABLE",
        _W,
        "The agent of a node does not answer: what that node does is not known here.",
        ("the node is down", "the appliance is stopped there", "a firewall drops TCP 9099"),
        "see whether the node lives, and what runs there",
        ("ping -c3 NODE", "ssh NODE appliance status"),
    ),
    Kind(
        "CLOCKS-APART",
        _W,
        "Two clocks are more than two seconds apart: ages that nodes compare mean nothing. The VIP does not depend on them.",
        ("NTP does not run or does not reach its server",),
        "let NTP set both clocks",
        ("timedatectl",),
    ),
    Kind(
        "MAINTENANCE",
        _W,
        "A node is drained: it takes the VIP only if no other node works.",
        ("somebody said `appliance drain` or `appliance maintenance on`",),
        "say 'appliance undrain' there when the work is done",
        ("appliance undrain", "appliance events"),
    ),
    Kind(
        "PAUSED",
        _W,
        "Priorities are frozen: a load balancer that fails moves no VIP.",
        ("somebody said `appliance pause`",),
        "say 'appliance resume' when the work is done",
        ("appliance resume",),
    ),
    Kind(
        "CONFIG-HELD",
        _W,
        "A generation is held on a node: its load balancer does not follow Marathon.",
        ("somebody said `appliance config rollback`",),
        "say 'appliance config release' there once the reason is gone",
        ("appliance config history", "appliance config release"),
    ),
    Kind(
        "CONFIG-HELD-UNUSABLE",
        _W,
        "The generation that is held cannot be served: what ran before goes on.",
        (
            "a file that it names is gone",
            "a file of the history was changed by somebody",
            "another version of HAProxy",
        ),
        "release it, or hold another one",
        ("appliance config release", "appliance config history"),
    ),
    Kind(
        "HISTORY-NOT-KEPT",
        _W,
        "What is applied cannot be kept: updates go on, but there is nothing to roll back to.",
        ("the disk is full or read-only",),
        "make room below /var/lib/marathon-ha-appliance",
        ("df -h /var/lib/marathon-ha-appliance",),
    ),
    Kind(
        "QUARANTINE",
        _N,
        "Apps are not served as they ask; all others are. An app that was good before keeps its last good routes.",
        ("a label that cannot be used", "a port or name that another app has", "a text that HAProxy refuses"),
        "tell the apps' owners what stands there",
        ("appliance apps", "appliance explain APP"),
    ),
    Kind(
        "CERTIFICATE-EXPIRES",
        _W,
        "A certificate in use ends soon, or has ended: then clients refuse :443.",
        ("nobody renewed it", "it was renewed, but its file here was not replaced"),
        "replace the file; it is noticed by itself",
        ("openssl x509 -noout -enddate -in FILE",),
    ),
    Kind(
        "PICTURE-OLD",
        _W,
        "What Marathon runs has not been confirmed for two minutes: tasks that moved since are missing.",
        ("no master answers in time", "the generator waits for a HAProxy that does not answer"),
        "see whether a master answers from that node",
        ("appliance doctor", "appliance logs lb"),
    ),
    Kind(
        "STREAM-DEAD",
        _W,
        "Masters answer, but no event stream is open: changes are seen by reading everything, so later.",
        (
            "a proxy in front of Marathon cuts streams off",
            "Marathon's `--event_subscriber` or limit of streams",
        ),
        "look at the stream from that node",
        ("appliance doctor", "curl -N -H 'Accept: text/event-stream' MASTER/v2/events"),
    ),
    Kind(
        "DOMAIN-NO-ANSWER",
        _W,
        "The name server does not say where the domain leads: clients that do not remember it cannot find the VIP.",
        ("the name server does not run", "it is not reached from this node"),
        "see whether the name server runs and is reached",
        ("appliance dns lines", "cat /etc/resolv.conf"),
    ),
    Kind(
        "DOMAIN-UNKNOWN",
        _W,
        "The name server does not know the domain: clients cannot find the VIP by it.",
        ("the record was never made, or was removed", "another name server is the right one"),
        "make the record",
        ("appliance dns lines",),
    ),
    Kind(
        "DOMAIN-AT-NODE",
        _W,
        "The domain leads to a node's own address: when that node fails, its clients fail, though the VIP moves.",
        ("the record is from before the VIP",),
        "point the domain at the VIP",
        ("appliance dns lines",),
    ),
    Kind(
        "DOMAIN-ELSEWHERE",
        _W,
        "The domain leads to an address that is no VIP: requests go there.",
        ("the record is old, or wrong", "a proxy or another address in front of the VIP, on purpose"),
        "point the domain at the VIP",
        ("appliance dns lines",),
    ),
    Kind(
        "marathon-away",
        _W,
        "No master gives a usable answer: HAProxy serves on with the last picture, tasks that move now are missed.",
        (
            "Marathon is down, or elects a leader",
            "the network to the masters",
            "credentials or certificates that ended",
        ),
        "see what each master answers",
        ("appliance doctor", "appliance logs lb"),
    ),
    Kind(
        "marathon-shrunk",
        _W,
        "An answer lost more than half of all servers at once: it is held back for a minute, or until HAProxy's checks agree.",
        (
            "Marathon was emptied on purpose",
            "a fresh or wrong cluster answers",
            "a partition between Mesos and its agents",
        ),
        "if it was on purpose, wait; if not, see Marathon before the minute is over",
        ("appliance doctor", "appliance config rollback N"),
    ),
    Kind(
        "marathon-identity",
        _C,
        "Only masters of another cluster (another framework id) answer: in a minute their apps are served in place of ours.",
        ("Marathon was set up anew", "the masters' names point elsewhere"),
        "if that is not wanted, hold the newest generation",
        ("appliance config rollback N", "appliance doctor"),
    ),
    Kind(
        "marathon-adopted",
        _N,
        "Every master is of another cluster than before: it is believed now.",
        ("Marathon was set up anew",),
        "nothing, if it was on purpose; else roll back and correct `marathon.urls`",
        ("appliance config rollback N",),
    ),
)
ALARMS = {kind.id: kind for kind in _ALL}


def kind(identity: str) -> Kind:
    """For an id that a node of another version tells: a kind that says so."""
    unknown = Kind(identity, Level.WARNING, "", (), "a node of another version says so: see its own runbook")
    return ALARMS.get(identity, unknown)


def runbook() -> str:
    """docs/runbook.md."""
    index = "\n".join(f"| [`{it.id}`](#{it.id.lower()}) | {it.level.value} | {it.cure} |" for it in _ALL)
    return _HEAD + index + "\n" + "".join(f"\n{_page(it)}" for it in _ALL)


def _page(it: Kind) -> str:
    causes = "\n".join(f"- {cause}" for cause in it.causes)
    commands = "".join(f"{command}\n" for command in it.commands)
    return f"## {it.id}\n\n{it.sign}\n\n**May come of**\n\n{causes}\n\n**Do**: {it.cure}.\n\n```sh\n{commands}```\n"


_HEAD = """# Runbook

One page for each alarm, by its id: what `appliance status` shows, `appliance_alarms{id}` counts, and the rules in
`monitoring/` send. `appliance explain ID` says the same at the node. Written from the program's own table; changes belong
there.

**critical**: requests fail, or soon will. **warning**: nothing fails yet, but what stands in for a failure is weaker.
**notice**: the appliance is well.

| alarm | level | first |
|---|---|---|
"""
