"""Keeps keepalived.conf in step with appliance.toml and the interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from appliance import interfaces
from appliance.errors import ApplianceError, MissingError, NotRunningError
from appliance.keepalived import model, render, service

if TYPE_CHECKING:
    from appliance.interfaces import Interface
    from appliance.paths import Paths
    from appliance.settings import Settings


class Generator:
    """Call `update` now and then. What keepalived refuses never replaces what runs."""

    def __init__(self, paths: Paths, refusal: Callable[[Settings], str] = lambda _: "") -> None:
        """`refusal`: why keepalived shall not start yet, asked before its first configuration."""
        self._paths = paths
        self._refusal = refusal
        self._made_from: tuple[Settings, tuple[Interface, ...]] | None = None
        self.problem = ""
        """Why what runs is not what appliance.toml says; empty: it is."""

    def update(self, settings: Settings) -> str:
        """Write and reload if something changed. Returns what happened in words, '' if nothing did."""
        present = interfaces.interfaces()
        if self._made_from == (settings, present):
            return ""
        try:
            done = self._replace(settings, present)
        except (ApplianceError, OSError) as error:
            if str(error) == self.problem:
                return ""
            self.problem = str(error)
            stays = self._paths.keepalived_conf.exists()
            return f"{'the configuration from before stays in use' if stays else 'VRRP waits'}: {error}"
        self._made_from, self.problem = (settings, present), ""
        return done

    def _replace(self, settings: Settings, present: tuple[Interface, ...]) -> str:
        instances = model.instances(settings, present)
        for vrrp in instances:
            _check_interface(vrrp, present)
        if not self._paths.keepalived_conf.exists():
            refusal = self._refusal(settings)
            if refusal:
                raise NotRunningError(refusal)
        text = render.configuration(settings.cluster.node.name, instances, self._paths)
        if not service.replace(self._paths, text):
            return ""
        reloaded = service.reload(self._paths)
        how = "keepalived reads it again" if reloaded else "keepalived will start with it"
        return f"keepalived.conf written, base priority {_bases(instances)}; {how}"


def _check_interface(vrrp: model.VrrpInstance, present: tuple[Interface, ...]) -> None:
    """Raises MissingError."""
    there = next((it for it in present if it.name == vrrp.interface), None)
    if there is None:
        raise MissingError(f"VIP {vrrp.address}: there is no interface '{vrrp.interface}' with an address")
    if vrrp.source and vrrp.source not in (str(address.ip) for address in there.addresses):
        raise MissingError(f"interface {vrrp.interface} does not carry this node's address {vrrp.source}")


def _bases(instances: tuple[model.VrrpInstance, ...]) -> str:
    if len(instances) == 1:
        return str(instances[0].priority)
    return ", ".join(f"{vrrp.priority} for {vrrp.address}" for vrrp in instances)
