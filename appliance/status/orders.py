"""Orders that change a node, carried out where they arrive: from its own operator, or from a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from appliance.errors import UsageError
from appliance.health import orders, reports
from appliance.status import events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.paths import Paths

LONGEST_REASON = 200


def carry_out(paths: Paths, order: Mapping[str, Any], sender: str = "") -> str:
    """Do what `order` says; what was done in words. Raises UsageError for an order that is none, OSError."""
    do = KINDS.get(str(order.get("order")))
    if do is None:
        raise UsageError(f"no order '{order.get('order')}'; there are {', '.join(KINDS)}")
    done = do(paths, order)
    events.record(paths.events, "drain", f"{done}, ordered by {sender}" if sender else done)
    return done


def _drain(paths: Paths, order: Mapping[str, Any]) -> str:
    until = order.get("until")
    reason = _text(order, "reason")
    orders.give(paths.drain, reason=reason, **({"until": float(until)} if until is not None else {}))
    return f"drained{': ' if reason else ''}{reason}"


def _undrain(paths: Paths, _order: Mapping[str, Any]) -> str:
    return "undrained" if orders.withdraw(paths.drain) else "was not drained"


def _prefer(paths: Paths, order: Mapping[str, Any]) -> str:
    """An empty address: nobody, the ranks decide."""
    address, name = _text(order, "address"), _text(order, "name")
    if not address:
        orders.withdraw(paths.preferred)
        return "the ranks decide who has the VIP"
    orders.give(paths.preferred, address=address, name=name, insists=order.get("insists") is True)
    return f"the VIP is for {name or address}"


def _pause(paths: Paths, order: Mapping[str, Any]) -> str:
    reason = _text(order, "reason")
    orders.give(paths.pause, reason=reason, weight=reports.weight(paths) or 0)
    return f"priorities are frozen{': ' if reason else ''}{reason}"


def _resume(paths: Paths, _order: Mapping[str, Any]) -> str:
    return "priorities follow health again" if orders.withdraw(paths.pause) else "was not paused"


KINDS: dict[str, Callable[[Paths, Mapping[str, Any]], str]] = {
    "drain": _drain,
    "undrain": _undrain,
    "prefer": _prefer,
    "pause": _pause,
    "resume": _resume,
}


def _text(order: Mapping[str, Any], key: str) -> str:
    return " ".join(str(order.get(key) or "").split())[:LONGEST_REASON]
