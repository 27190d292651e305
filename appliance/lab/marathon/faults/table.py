"""All kinds of faults, by name."""

from __future__ import annotations

from appliance.lab.marathon.faults import answers, bodies, clusters, content, frames, streams

KINDS = {
    kind.name: kind
    for module in (clusters, streams, frames, answers, bodies, content)
    for kind in module.KINDS
}
