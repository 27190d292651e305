"""appliance.toml as frozen records, validated once: `model`, `reading`, `rendering`, `faults`."""

from appliance.settings.faults import access_faults, default_app_fault, domain_fault, port_range
from appliance.settings.model import (
    AGENT_PORT,
    CONFLICT_RULES,
    FLOATING,
    LOCAL,
    MAX_NODES,
    MODES,
    NAME,
    Access,
    Cluster,
    Dns,
    LoadBalancer,
    Marathon,
    Node,
    Owner,
    Policy,
    Settings,
    Vip,
)
from appliance.settings.reading import Current, load, parse
from appliance.settings.rendering import render

__all__ = [
    "AGENT_PORT",
    "CONFLICT_RULES",
    "FLOATING",
    "LOCAL",
    "MAX_NODES",
    "MODES",
    "NAME",
    "Access",
    "Cluster",
    "Current",
    "Dns",
    "LoadBalancer",
    "Marathon",
    "Node",
    "Owner",
    "Policy",
    "Settings",
    "Vip",
    "access_faults",
    "default_app_fault",
    "domain_fault",
    "load",
    "parse",
    "port_range",
    "render",
]
