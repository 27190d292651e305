"""Rules of appliance.toml that types cannot say."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from appliance.settings.model import CONFLICT_RULES, KEEP, MAX_NODES, MODES, NAME, RELEASE

if TYPE_CHECKING:
    from appliance.settings.model import Access, Cluster, Dns, LoadBalancer, Marathon, Policy, Settings, Vip

INTERFACE = re.compile(r"[A-Za-z0-9._@:-]{1,15}")
LABEL_PATTERN = re.compile(r"[A-Z0-9_*]+")
DEFAULT_APP = re.compile(r"(/[A-Za-z0-9._-]{1,255}){1,16}(:[0-9]{1,5})?")
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
VHOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def faults(settings: Settings) -> list[tuple[str, str]]:
    """Each broken rule as (key, complaint)."""
    return [
        *_cluster_faults(settings.cluster),
        *_vip_faults(settings, "vip", settings.vip),
        *(
            fault
            for n, vip in enumerate(settings.more_vips)
            for fault in _vip_faults(settings, f"more_vips[{n}]", vip)
        ),
        *_twice(settings),
        *_grouped_faults(settings),
        *_marathon_faults(settings.marathon),
        *_lb_faults(settings.lb),
        *_policy_faults(settings.policy),
        *((f"access.{key}", complaint) for key, complaint in access_faults(settings.access)),
        *_dns_faults(settings.dns),
    ]


def _cluster_faults(cluster: Cluster) -> list[tuple[str, str]]:
    addresses = [node.address for node in cluster.nodes]
    faults = [
        (key, f"'{text}' is not an IPv4 address")
        for key, text in (
            ("cluster.address", cluster.address),
            *((f"cluster.nodes[{n}].address", text) for n, text in enumerate(addresses)),
        )
        if not _is_ipv4(text)
    ]
    faults += [
        (f"cluster.nodes[{n}].name", f"'{node.name}' is not a name: letters, digits, '.', '_' and '-'")
        for n, node in enumerate(cluster.nodes)
        if not NAME.fullmatch(node.name)
    ]
    if not 1 <= len(addresses) <= MAX_NODES:
        faults.append(("cluster.nodes", f"{len(addresses)} nodes; one to {MAX_NODES} can share a VIP"))
    if cluster.when_none_works not in (KEEP, RELEASE):
        text = f"'{cluster.when_none_works}' is neither {KEEP} nor {RELEASE}"
        faults.append(("cluster.when_none_works", text))
    if len(set(addresses)) != len(addresses):
        faults.append(("cluster.nodes", "the same address stands there twice"))
    if cluster.address not in addresses:
        faults.append(("cluster.address", f"{cluster.address} is not among cluster.nodes"))
    return faults


def _vip_faults(settings: Settings, key: str, vip: Vip) -> list[tuple[str, str]]:
    faults = []
    if not _is_usable(vip.address):
        faults.append((f"{key}.address", f"'{vip.address}' is not an IPv4 or IPv6 address of a host"))
    if vip.interface and not INTERFACE.fullmatch(vip.interface):
        faults.append((f"{key}.interface", f"'{vip.interface}' is not the name of a network interface"))
    if not 1 <= vip.virtual_router_id <= 255:
        faults.append((f"{key}.virtual_router_id", f"{vip.virtual_router_id} is not within 1 to 255"))
    if not 0.05 <= vip.advert_interval_s <= 40:
        text = f"{vip.advert_interval_s} is not within 0.05 to 40 seconds"
        faults.append((f"{key}.advert_interval_s", text))
    if vip.address in (node.address for node in settings.cluster.nodes):
        text = f"{vip.address} is a node's own address; the VIP has to be a free one"
        faults.append((f"{key}.address", text))
    faults += [
        (f"{key}.groups", f"'{group}' is no group; write HAPROXY_GROUP as the apps do, or '*'")
        for group in vip.groups
        if not group.strip()
    ]
    names = [node.name for node in settings.cluster.nodes]
    faults += [
        (f"{key}.prefers", f"'{name}' is no node's name; there are {', '.join(names)}")
        for name in vip.prefers
        if name not in names
    ]
    return faults


def _twice(settings: Settings) -> list[tuple[str, str]]:
    """What two VIPs may not have in common."""
    faults = []
    addresses: set[str] = set()
    routers: dict[tuple[int, int], Vip] = {}
    for n, vip in enumerate(settings.vips):
        key = f"more_vips[{n - 1}]" if n else "vip"
        if vip.address in addresses:
            faults.append((f"{key}.address", f"{vip.address} stands there twice"))
        addresses.add(vip.address)
        other = routers.setdefault((vip.family, vip.virtual_router_id), vip)
        if other is not vip:
            text = f"{vip.virtual_router_id} is that of {other.address} already; choose another"
            faults.append((f"{key}.virtual_router_id", text))
    return faults


def _grouped_faults(settings: Settings) -> list[tuple[str, str]]:
    if settings.grouped and settings.lb.group_https_by_vhost:
        text = "is not possible where VIPs have groups of their own; set it to false, or give no VIP groups"
        return [("lb.group_https_by_vhost", text)]
    return []


def _marathon_faults(marathon: Marathon) -> list[tuple[str, str]]:
    if not marathon.urls:
        return [("marathon.urls", "is empty; name at least one master, http://HOST:8080")]
    return [
        ("marathon.urls", f"'{url}' does not start with http://, https:// or zk://")
        for url in marathon.urls
        if not url.startswith(("http://", "https://", "zk://"))
    ]


def _lb_faults(lb: LoadBalancer) -> list[tuple[str, str]]:
    faults = [
        (f"lb.{name}", f"'{path}' is no absolute path")
        for name in ("certificates", "certificate_folders")
        for path in getattr(lb, name)
        if not path.startswith("/")
    ]
    if lb.mode not in MODES:
        faults.append(("lb.mode", f"'{lb.mode}' is none of {', '.join(MODES)}"))
    if not 0 <= lb.archive_versions <= 1000:
        faults.append(("lb.archive_versions", f"{lb.archive_versions} is not within 0 to 1000"))
    if not 2 <= lb.generations <= 1000:
        faults.append(("lb.generations", f"{lb.generations} is not within 2 to 1000"))
    if not 0 <= lb.threads <= 64:
        faults.append(("lb.threads", f"{lb.threads} is not within 0 to 64"))
    lowest, highest = lb.ip_per_task_ports
    if lb.ip_per_task_ports != (0, 0) and not 1 <= lowest <= highest <= 65535:
        faults.append(("lb.ip_per_task_ports", f"{lowest} to {highest} is no range of ports, nor 0 and 0"))
    if default_app_fault(lb.default_app):
        faults.append(("lb.default_app", default_app_fault(lb.default_app)))
    return faults


def default_app_fault(text: str) -> str:
    """'' or what is wrong with the id of an app, with or without the index of a port."""
    if not text or DEFAULT_APP.fullmatch(text):
        return ""
    return f"'{text}' is no app id such as /shop, or /shop:1 for its port 1"


def access_faults(access: Access) -> list[tuple[str, str]]:
    """(key, complaint) of each wrong value."""
    faults = []
    for key in ("statistics_bind", "app_id_bind"):
        if not getattr(access, key):
            faults.append((key, 'is empty; ["*"] is all addresses'))
        faults += [
            (key, f"'{text}' is neither an IP address, nor vip, nor *")
            for text in getattr(access, key)
            if text not in ("*", "vip") and not _is_network(text, alone=True)
        ]
    for key in ("statistics_networks", "app_id_networks", "admin_networks"):
        faults += [
            (key, f"'{text}' is no network such as 10.0.0.0/8")
            for text in getattr(access, key)
            if not _is_network(text)
        ]
    return faults


def _dns_faults(dns: Dns) -> list[tuple[str, str]]:
    faults = [
        ("dns.servers", f"'{text}' is not an IP address; a name server's own name would have to be resolved")
        for text in dns.servers
        if not _is_network(text, alone=True)
    ]
    if dns.domain and domain_fault(dns.domain):
        faults.append(("dns.domain", domain_fault(dns.domain)))
    return faults


def domain_fault(text: str) -> str:
    """'' or what is wrong with `text` as a domain."""
    if text.startswith("*."):
        return f"'{text}' is a wildcard; write {text[2:]}, its names below are in the records anyway"
    if DOMAIN.fullmatch(text):
        return ""
    return f"'{text}' is no domain such as shop.example.com" + _nearest(text)


def _nearest(text: str) -> str:
    """How it is probably meant, as an ending of the sentence."""
    bare = text.strip().lower().partition("://")[2] or text.strip().lower()
    bare = bare.partition("/")[0].partition(":")[0].rstrip(".")
    try:
        plain = bare.encode("idna").decode()
    except UnicodeError:
        return ""
    return f": write {plain}" if plain != text and DOMAIN.fullmatch(plain) else ""


def _policy_faults(policy: Policy) -> list[tuple[str, str]]:
    faults = [
        (f"policy.{key}", f"'{name}' is no label's name; write it without HAPROXY_{{n}}_, in capitals")
        for key in ("denied_labels", "denied_templates")
        for name in getattr(policy, key)
        if not LABEL_PATTERN.fullmatch(name) or name.startswith("HAPROXY_")
    ]
    if policy.conflicts not in CONFLICT_RULES:
        faults.append(("policy.conflicts", f"'{policy.conflicts}' is none of {', '.join(CONFLICT_RULES)}"))
    for n, owner in enumerate(policy.owners):
        key = f"policy.owners[{n}]"
        if not owner.apps:
            faults.append((f"{key}.apps", 'is empty; name the app ids that may, such as ["/shop/"]'))
        if not owner.vhosts and not owner.ports:
            faults.append((key, "names neither vhosts nor ports"))
        faults += [
            (f"{key}.apps", f"'{app_id}' does not start with /")
            for app_id in owner.apps
            if not app_id.startswith("/")
        ]
        faults += [
            (f"{key}.vhosts", f"'{vhost}' is no host name, nor *. and one")
            for vhost in owner.vhosts
            if not VHOST_PATTERN.fullmatch(vhost)
        ]
        faults += [
            (f"{key}.ports", f"'{text}' is no port, nor a range such as 10000-10099")
            for text in owner.ports
            if port_range(text) is None
        ]
    return faults


def port_range(text: str) -> tuple[int, int] | None:
    """First and last port of `10000` or `10000-10099`; None if it is neither."""
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not dash)):
        return None
    lowest, highest = int(first), int(last or first)
    return (lowest, highest) if 0 < lowest <= highest < 65536 else None


def _is_network(text: str, *, alone: bool = False) -> bool:
    """`alone`: a single address."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text and not (alone and ("/" in text or network.num_addresses > 1))


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_usable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or "%" in text)
