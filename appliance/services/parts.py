"""The parts of marathon-lb that one service is made of, where somebody wrote one of them anew.

A service nobody wrote a part for never comes here. Texts are filled with plain values only; what they
may hold is `haproxy.texts`' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.haproxy import texts
from appliance.haproxy.model import TLS_KEYWORDS, CheckKind, Mode, OwnRules
from appliance.services.grammar import LabelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.haproxy.model import Backend, Server
    from appliance.services.model import Service, Texts


@dataclass(frozen=True)
class Parts:
    """The texts of one service: its labels, else the operator's, else the built-in ones."""

    service: Service
    backend: str
    hostname: str
    """The cleaned-up name that its conditions carry."""
    texts: Texts

    @property
    def own(self) -> dict[str, str]:
        """The parts that somebody wrote anew."""
        return {**self.texts.overridden, **dict(self.service.labels.templates)}

    def filled(self, name: str, values: Mapping[str, object], heading: str = "") -> str:
        """Raises LabelError."""
        own = self.own
        try:
            text = texts.fill(name, own.get(name) or self.texts.built_in.get(name, ""), values)
            return texts.body(name, text, heading)
        except texts.TextError as error:
            label = dict(self.service.labels.templates).get(name)
            where = f"HAPROXY_{self.service.index}_{name}" if label else f"HAPROXY_{name}"
            raise LabelError(where, str(error)) from None

    # --- the shared frontends -------------------------------------------------------------------------
    def routes(self) -> OwnRules:
        """Its rules on :80, :443 and :9091. Raises LabelError."""
        hosts = self.service.labels.vhosts
        http = "".join(self._filled_route(name, host) for name, host in http_parts(self.service))
        https = "".join(self._filled_route(name, host) for name, host in https_parts(self.service))
        return OwnRules(self.backend, hosts, http, https)

    def app_id_rule(self) -> str:
        values = self._route_values("")
        return self.filled("HTTP_FRONTEND_APPID_ACL", values)

    def _filled_route(self, name: str, host: str) -> str:
        return self.filled(name, self._route_values(host))

    def _route_values(self, host: str) -> dict[str, object]:
        labels = self.service.labels
        return {
            "cleanedUpHostname": self.hostname,
            "cleanedUpAppId": cleaned_app_id(self.service.app_id),
            "hostname": host or (labels.vhosts[0] if labels.vhosts else ""),
            "appId": self.service.app_id,
            "backend": self.backend,
            "path": ("-i " if labels.ignore_case else "") + " ".join(labels.paths),
            "realm": self._realm(),
            "bindAddr": labels.bind_address,
        }

    def _realm(self) -> str:
        """One word, quoted or not; what could end it is left out."""
        auth = self.service.labels.auth
        return (
            re.sub(r"[^\w.,:;()/@+=!?&-]", lambda found: "\\ " if found[0] == " " else "_", auth.realm)
            if auth
            else ""
        )

    # --- the service port ------------------------------------------------------------------------------
    def head(self) -> str:
        """Of the service port; '' if nobody wrote it anew."""
        if "FRONTEND_HEAD" not in self.own:
            return ""
        labels = self.service.labels
        address = f"[{labels.bind_address}]" if ":" in labels.bind_address else labels.bind_address
        return self.filled(
            "FRONTEND_HEAD",
            {
                "backend": self.backend,
                "bindAddr": address,
                "servicePort": str(self.service.port),
                "sslCert": f" ssl crt {labels.certificate}" if labels.certificate else "",
                "bindOptions": f" {labels.bind_options}" if labels.bind_options else "",
                "mode": self.service.mode.value,
            },
        )

    def glue(self) -> str:
        if "FRONTEND_BACKEND_GLUE" not in self.own:
            return ""
        rules, uses = texts.in_order(self.filled("FRONTEND_BACKEND_GLUE", {"backend": self.backend}))
        return "".join(f"{line}\n" for line in rules + uses)

    # --- the backend ------------------------------------------------------------------------------------
    def of_backend(self, backend: Backend) -> Backend:
        """`backend` with the texts of its own parts. Raises LabelError."""
        found = tuple(sorted(self._backend_texts(backend).items()))
        own = self.own
        kind = "TCP" if backend.check and backend.check.kind is CheckKind.TCP else "HTTP"
        health = f"BACKEND_SERVER_{kind}_HEALTHCHECK_OPTIONS"
        if "BACKEND_SERVER_OPTIONS" in own or (backend.check and health in own):
            servers = tuple(
                replace(server, text=self._line(backend, server, health)) for server in backend.servers
            )
            backend = replace(backend, servers=servers)
        return replace(backend, texts=found)

    def _backend_texts(self, backend: Backend) -> dict[str, str]:
        """What stands in the place of ours, by the place."""
        found = dict(self._of_http(backend)) if backend.mode is Mode.HTTP else {}
        head = {"backend": backend.name, "balance": backend.balance, "mode": backend.mode.value}
        found.update(self._taken("BACKEND_HEAD", head, heading=backend.name))
        networks = self.service.labels.networks
        if networks:
            protocol = "HTTP" if backend.mode is Mode.HTTP else "TCP"
            each = [
                self._taken(
                    f"{protocol}_BACKEND_NETWORK_ALLOWED_ACL",
                    {"network_allowed": network},
                    place="NETWORK_ALLOWED_ACL",
                )
                for network in networks
            ]
            found.update(_joined(each))
            found.update(self._taken(f"{protocol}_BACKEND_ACL_ALLOW_DENY", {}, place="ACL_ALLOW_DENY"))
        if backend.check:
            kind = "TCP" if backend.check.kind is CheckKind.TCP else "HTTP"
            values = self._check_values(backend, backend.servers[0] if backend.servers else None)
            name = f"BACKEND_{kind}_HEALTHCHECK_OPTIONS"
            found.update(self._taken(name, values, place="HEALTHCHECK_OPTIONS"))
        return found

    def _of_http(self, backend: Backend) -> Iterator[tuple[str, str]]:
        labels = self.service.labels
        values: dict[str, object] = {
            "hostname": labels.vhosts[0] if labels.vhosts else "",
            "proxypath": labels.proxypass_path,
            "rootpath": labels.revproxy_path,
        }
        wanted = {
            "BACKEND_HTTP_OPTIONS": True,
            "BACKEND_HSTS_OPTIONS": labels.hsts,
            "HTTP_BACKEND_PROXYPASS_GLUE": labels.proxypass_path,
            "HTTP_BACKEND_REVPROXY_GLUE": labels.revproxy_path,
            "BACKEND_STICKY_OPTIONS": backend.sticky,
        }
        for name, is_wanted in wanted.items():
            if is_wanted:
                yield from self._taken(name, values).items()
        if labels.auth:
            user = re.sub(r"""([\\\\\s"'#])""", r"\\\1", labels.auth.user)
            account = {"backend": backend.name, "user": user, "passwd": labels.auth.password}
            yield from self._taken("USERLIST_HEAD", account, heading=f"user_{backend.name}").items()
        if labels.redirect_root:
            each = [
                self._taken("HTTP_BACKEND_REDIR", {"hostname": host, "redirpath": labels.redirect_root})
                for host in labels.vhosts
            ]
            yield from _joined(each).items()

    def _taken(
        self, name: str, values: Mapping[str, object], *, place: str = "", heading: str = ""
    ) -> dict[str, str]:
        return {place or name: self.filled(name, values, heading)} if name in self.own else {}

    def _check_values(self, backend: Backend, server: Server | None) -> dict[str, object]:
        check, whole = backend.check, self.service.health_check
        if check is None or whole is None:
            return {}
        own_port = (server.check_port if server else None) or check.port
        port = own_port or (server.port if server else 0)
        values = {
            "PortIndex": whole.port_index if whole.port_index is not None else "",
            "Port": port,
            "Protocol": whole.protocol,
            "Path": check.path,
            "TimeoutSeconds": check.timeout_s,
            "IntervalSeconds": check.interval_s,
            "GracePeriodSeconds": whole.grace_period_s,
            "MaxConsecutiveFailures": check.fall - 1,
        }
        return {
            **{f"healthCheck{key}": str(value) for key, value in values.items()},
            "healthCheckFalls": str(check.fall),
            "healthCheckPortOptions": f" port {own_port}" if own_port else "",
            "healthCheck": {key[0].lower() + key[1:]: value for key, value in values.items()},
        }

    def _line(self, backend: Backend, server: Server, health: str) -> str:
        options = ""
        if backend.check and health in self.own:
            filled = self.filled(health, self._check_values(backend, server))
            options = " " + " ".join(filled.split("\n")).strip()
        elif backend.check:
            options = backend.check.keywords(server.check_port, tls=backend.tls)
        values = {
            "host": server.host or server.address,
            "host_ipv4": f"[{server.address}]" if ":" in server.address else server.address,
            "port": str(server.port),
            "serverName": server.name,
            "serverId": str(server.id),
            "cookieOptions": f" check cookie {server.cookie}" if backend.sticky else "",
            "healthCheckOptions": options,
            "otherOptions": (TLS_KEYWORDS if backend.tls else "") + (" disabled" if server.disabled else ""),
        }
        if "BACKEND_SERVER_OPTIONS" in self.own:
            text = self.filled("BACKEND_SERVER_OPTIONS", values)
            if not any(line.split()[:2] == ["server", server.name] for line in text.split("\n")):
                raise LabelError(
                    f"HAPROXY_{self.service.index}_BACKEND_SERVER_OPTIONS",
                    "has to have a line that begins with: server {serverName}",
                )
            return text
        return "  server {serverName} {host_ipv4}:{port} id {serverId}{cookieOptions}".format(**values) + (
            f"{options}{values['otherOptions']}"
        )


# --- which parts ------------------------------------------------------------------------------------------
def http_parts(service: Service) -> list[tuple[str, str]]:
    """(part, vhost) on :80, in order (marathon-lb's choice by vhosts, path, auth and redirect)."""
    labels = service.labels
    hosts, path, auth = labels.vhosts, bool(labels.paths), labels.auth is not None
    suffix = {(0, 0): "", (0, 1): "_WITH_AUTH", (1, 0): "_WITH_PATH"}.get((path, auth), "")
    redirect = "BACKEND_REDIRECT_HTTP_TO_HTTPS" + ("_WITH_PATH" if path else "")
    if not hosts:
        return []
    if len(hosts) == 1:
        names = [f"HTTP_FRONTEND_ACL{suffix or ('_WITH_AUTH_AND_PATH' if path and auth else '')}"]
        if labels.redirect_to_https and path:
            names = ["HTTP_FRONTEND_ACL_ONLY", "HTTP_FRONTEND_ACL_ONLY_WITH_PATH", redirect]
        elif labels.redirect_to_https:
            names = ["HTTP_FRONTEND_ACL", redirect]
        return [(name, hosts[0]) for name in names]
    start = "HTTP_FRONTEND_ACL_ONLY_WITH_PATH" + ("_AND_AUTH" if auth else "")
    end = f"HTTP_FRONTEND_ROUTING_ONLY{suffix or ('_WITH_PATH_AND_AUTH' if path and auth else '')}"
    return [
        *([(start, hosts[0])] if path else []),
        *(("HTTP_FRONTEND_ACL_ONLY", host) for host in hosts),
        (redirect if labels.redirect_to_https else end, hosts[0]),
    ]


def https_parts(service: Service) -> list[tuple[str, str]]:
    """(part, vhost) on :443, in order."""
    labels = service.labels
    path, auth = bool(labels.paths), labels.auth is not None
    suffix = ("_WITH_AUTH_AND_PATH" if auth else "_WITH_PATH") if path else ("_WITH_AUTH" if auth else "")
    found = [("HTTPS_FRONTEND_ACL_ONLY_WITH_PATH", labels.vhosts[0])] if path and labels.vhosts else []
    return [*found, *((f"HTTPS_FRONTEND_ACL{suffix}", host) for host in labels.vhosts)]


def has_own_routes(service: Service, overridden: Mapping[str, str]) -> bool:
    """Whether somebody wrote a part that this service's routes on :80 or :443 are made of."""
    own = {name for name, _ in service.labels.templates} | overridden.keys()
    return bool(own) and any(name in own for name, _ in http_parts(service) + https_parts(service))


def _joined(each: list[dict[str, str]]) -> dict[str, str]:
    """The same place filled several times, one below the other."""
    return {place: "".join(one[place] for one in each) for place in (each[0] if each else {})}


def cleaned_app_id(app_id: str) -> str:
    return re.sub("[^a-zA-Z0-9-]", "_", app_id)


def cleaned_host(service: Service) -> str:
    """marathon-lb's name of the conditions of a service."""
    host = service.labels.vhosts[0] if service.labels.vhosts else ""
    cleaned = re.sub("[^a-zA-Z0-9-]", "_", host)
    return f"{cleaned}_{service.app_id[1:].replace('/', '_')}"
