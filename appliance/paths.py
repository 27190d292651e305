"""Where things lie on a node. `--root DIR` (or APPLIANCE_ROOT) moves all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import UsageError

NAME = "marathon-ha-appliance"
USER = "marathon-ha"
"""User and group of the programs that do not need root."""
UNIX_SOCKET_LIMIT = 97
"""Bytes of a unix socket's path that HAProxy accepts (measured on 2.6)."""


def package() -> Path | None:
    """The folder of the .deb or .rpm that this code runs from; None for a checkout or a wheel."""
    lib = Path(__file__).resolve().parents[1]
    return lib.parent if (lib.parent.name, lib.name) == (NAME, "lib") else None


@dataclass(frozen=True)
class Paths:
    """All files of a node below one root.

    `run` is emptied by a reboot; `state` survives it. Folders named after a program belong to that
    program's user, everything else to root.
    """

    root: Path = Path("/")

    @classmethod
    def of(cls, root: str | None = None) -> Paths:
        """Take `root`, else the environment, else `/`. Raises UsageError if sockets would not fit."""
        paths = cls(Path(root or os.environ.get("APPLIANCE_ROOT") or "/").absolute())
        too_long = len(os.fsencode(paths.haproxy_socket)) - UNIX_SOCKET_LIMIT
        if too_long > 0:
            raise UsageError(
                f"--root {paths.root} is {too_long} bytes too long: HAProxy refuses socket paths of "
                f"more than {UNIX_SOCKET_LIMIT} bytes; choose a shorter folder"
            )
        return paths

    # --- folders
    @property
    def etc(self) -> Path:
        return self.root / "etc" / NAME

    @property
    def run(self) -> Path:
        return self.root / "run" / NAME

    @property
    def state(self) -> Path:
        return self.root / "var/lib" / NAME

    @property
    def log(self) -> Path:
        return self.root / "var/log" / NAME

    @property
    def bin(self) -> Path:
        """Scripts that others call by path: keepalived-run, notify."""
        return self.root / "usr/lib" / NAME / "bin"

    # --- settings
    @property
    def settings(self) -> Path:
        return self.etc / "appliance.toml"

    @property
    def credentials(self) -> Path:
        """`user:password` for Marathon, 0640 root:marathon-ha."""
        return self.etc / "marathon.credentials"

    @property
    def lua(self) -> Path:
        """The operator's *.lua, loaded by HAProxy."""
        return self.etc / "lua"

    # --- node to node; all three 0600, of the agent's user
    @property
    def node_secret(self) -> Path:
        """This node's own number, from which its key with each peer follows."""
        return self.state / "node.secret"

    @property
    def known_peers(self) -> Path:
        """What each peer showed at the first contact, by address."""
        return self.state / "peers.json"

    @property
    def cluster_secret(self) -> Path:
        """What setup's --secret-file gave, if it was given."""
        return self.state / "cluster.secret"

    @property
    def hooks(self) -> Path:
        """The operator's programs that are told when VRRP's state or priority changes."""
        return self.etc / "notify.d"

    # --- supervisord
    @property
    def supervisord_conf(self) -> Path:
        return self.etc / "supervisord.conf"

    @property
    def unit(self) -> Path:
        """systemd's, which starts supervisord."""
        return self.root / "etc/systemd/system" / f"{NAME}.service"

    @property
    def units(self) -> Path:
        """The distribution's units that setup has masked, and whether each was enabled: for their return."""
        return self.state / "units.json"

    @property
    def applied(self) -> Path:
        """What the running programs were started with; 0600, for it holds a digest of the credentials."""
        return self.run / "applied.json"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def supervisord_pid(self) -> Path:
        return self.run / "supervisord.pid"

    # --- HAProxy and the generator
    @property
    def haproxy(self) -> Path:
        """Configuration, maps and certificates of HAProxy; written by the generator, kept over boots."""
        return self.state / "haproxy"

    @property
    def haproxy_cfg(self) -> Path:
        return self.haproxy / "haproxy.cfg"

    @property
    def picture(self) -> Path:
        """What Marathon ran when it answered last."""
        return self.haproxy / "picture.json"

    @property
    def history(self) -> Path:
        """The configurations that were applied, a folder each."""
        return self.state / "history"

    @property
    def pin(self) -> Path:
        """Exists while one of them is held: JSON `{"number", "since", "reason"}`."""
        return self.state / "pin.json"

    @property
    def haproxy_socket(self) -> Path:
        return self.run / "haproxy.sock"

    @property
    def haproxy_master_socket(self) -> Path:
        return self.run / "master.sock"

    @property
    def lb_run(self) -> Path:
        return self.run / "lb"

    @property
    def lb_socket(self) -> Path:
        """Where the generator answers getconfig, getpids and the maps, behind HAProxy's :9090."""
        return self.lb_run / "lb.sock"

    @property
    def lb_report(self) -> Path:
        return self.lb_run / "lb.json"

    # --- health
    @property
    def health_run(self) -> Path:
        return self.run / "health"

    @property
    def track_file(self) -> Path:
        """One integer: this node's verdict, added to its base priority by keepalived."""
        return self.health_run / "lb.weight"

    @property
    def health_report(self) -> Path:
        return self.health_run / "health.json"

    @property
    def heartbeat(self) -> Path:
        """Rewritten (mtime) by health at every look; its deputy acts when it is older than 1 s."""
        return self.health_run / "heartbeat"

    # --- keepalived
    @property
    def keepalived_run(self) -> Path:
        return self.run / "keepalived"

    @property
    def keepalived_conf(self) -> Path:
        return self.keepalived_run / "keepalived.conf"

    @property
    def keepalived_pid(self) -> Path:
        return self.keepalived_run / "keepalived.pid"

    @property
    def vrrp_pid(self) -> Path:
        return self.keepalived_run / "vrrp.pid"

    @property
    def vrrp_fifo(self) -> Path:
        return self.keepalived_run / "vrrp.fifo"

    @property
    def vrrp_report(self) -> Path:
        return self.keepalived_run / "vrrp.json"

    @property
    def handover(self) -> Path:
        """What was changed on this machine for open connections, and how it was before; missing: nothing."""
        return self.keepalived_run / "handover.json"

    # --- the agent
    @property
    def agent_run(self) -> Path:
        return self.run / "agent"

    @property
    def domain_report(self) -> Path:
        return self.agent_run / "domain.json"

    # --- what the operator said, and what happened
    @property
    def drain(self) -> Path:
        """Exists while the node is drained, over reboots too: JSON `{"since", "reason", "until"}`."""
        return self.state / "drain.json"

    @property
    def preferred(self) -> Path:
        """Which node a switchover chose: JSON `{"since", "address", "name"}`."""
        return self.state / "preferred.json"

    @property
    def pause(self) -> Path:
        """Exists while priorities are frozen: JSON `{"since", "reason", "weight"}`."""
        return self.state / "pause.json"

    @property
    def leaving(self) -> Path:
        """Exists from the begin of an orderly stop to the next start: the node counts as drained."""
        return self.run / "leaving"

    @property
    def events(self) -> Path:
        """One JSON object a line, appended by every program."""
        return self.log / "events.jsonl"
