"""Keeps keepalived.conf in step with appliance.toml and the interface."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from appliance import interfaces
from appliance.errors import ApplianceError, MissingError
from appliance.keepalived import model, render, service

if TYPE_CHECKING:
    from appliance.interfaces import Interface
    from appliance.paths import Paths
    from appliance.settings import Settings


class Generator:
    """Call `update` now and then. What keepalived refuses never replaces what runs."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._made_from: tuple[Settings, tuple[Interface, ...]] | None = None
        self._problem = ""

    def update(self, settings: Settings) -> str:
        """Write and reload if something changed. Returns what happened in words, '' if nothing did."""
        present = interfaces.interfaces()
        if self._made_from == (settings, present):
            return ""
        try:
            done = self._replace(settings, present)
        except (ApplianceError, OSError) as error:
            if str(error) == self._problem:
                return ""
            self._problem = str(error)
            return f"the configuration from before stays in use: {error}"
        self._made_from, self._problem = (settings, present), ""
        return done

    def _replace(self, settings: Settings, present: tuple[Interface, ...]) -> str:
        vrrp = model.instance(settings)
        own = ipaddress.IPv4Address(vrrp.source)
        if not any(it.name == vrrp.interface and own in (a.ip for a in it.addresses) for it in present):
            raise MissingError(f"interface {vrrp.interface} does not carry this node's address {own}")
        if not service.replace(self._paths, render.configuration(vrrp, self._paths)):
            return ""
        reloaded = service.reload(self._paths)
        how = "keepalived reads it again" if reloaded else "keepalived will start with it"
        return f"keepalived.conf written, base priority {vrrp.priority}; {how}"
