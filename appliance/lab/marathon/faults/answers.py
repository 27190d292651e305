"""Requests that are not answered by Marathon.

`act(ask, **options)` gives an `Answer`, or None when it took the connection away.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from appliance.lab.marathon.faults.kind import Kind, Stage
from appliance.lab.marathon.messages import Answer, page
from appliance.lab.marathon.web import shut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.lab.marathon.messages import Request
    from appliance.lab.marathon.web import Connection

PORTAL = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in.</body></html>\n"
NOWHERE = "http://marathon-leader.invalid:8080"
JSON_401 = "invalid username or password."
MESSAGES = {
    401: JSON_401,
    403: "Not Authorized to perform this action!",
    500: "Internal Server Error",
    502: "Bad gateway: the leader cannot be reached",
    503: "Request timed out inside the leader",
    504: "Gateway timeout: the leader does not answer",
}


@dataclass(frozen=True)
class Ask:
    """A request that meets a fault: at which master, who the others are, when the fault is over."""

    request: Request
    connection: Connection
    here: str
    others: Sequence[str]
    scheme: str
    until_over: Callable[[], Any]


def _status(ask: Ask, status: int, form: str) -> Answer:
    login = {"WWW-Authenticate": 'basic realm="Mesosphere"'} if status == 401 else {}
    if form == "html":
        return page(status, ask.request, login)
    if form == "empty":
        return Answer(status=status, headers=login)
    return Answer({"message": MESSAGES[status]}, status, login)


def _slow_502(ask: Ask, delay_s: float) -> Answer:
    time.sleep(delay_s)
    return page(502, ask.request, reason="Could not determine the current leader")


def _uri_not_found(_: Ask) -> Answer:
    return Answer({"message": "URI not found"}, 500)


def _portal(_: Ask) -> Answer:
    return Answer(PORTAL, content_type="text/html; charset=utf-8")


def _hang(ask: Ask) -> None:
    ask.until_over()
    ask.connection.close_connection = True
    shut(ask.connection.connection)


def _reset(ask: Ask) -> None:
    ask.connection.reset()


def _close(ask: Ask) -> None:
    ask.connection.close_connection = True


def _other_cluster(ask: Ask) -> Answer | None:
    if ask.request.path == "/v2/info":
        framework = "badc0de0-0000-4000-8000-000000000002-0000"
        return Answer(
            {
                "name": "marathon",
                "version": "1.8.222",
                "elected": True,
                "leader": ask.here,
                "frameworkId": framework,
            }
        )
    if ask.request.path.startswith("/v2/apps/"):
        return Answer({"message": f"App '{ask.request.path[8:]}' does not exist"}, 404)
    return Answer({"apps": []})


def _redirect(base: Callable[[Ask], str], ask: Ask, **given: str) -> Answer:
    target = given.get("to") or base(ask)
    return Answer(status=302, headers={"Location": f"{target}{ask.request.uri}"})


def _dead(ask: Ask) -> str:
    return f"{ask.scheme}://{ask.here.rpartition(':')[0]}:1"


def _standby(ask: Ask) -> str:
    return f"{ask.scheme}://{(ask.others or (ask.here,))[0]}"


def _loop(ask: Ask) -> str:
    return f"{ask.scheme}://{ask.here}"


def _foreign(ask: Ask) -> str:
    return f"{ask.scheme}://localhost:{ask.here.rpartition(':')[2]}"


def _unresolvable(_: Ask) -> str:
    return NOWHERE


def _redirect_401(ask: Ask) -> Answer:
    marked = "_redirected=1"
    if marked in ask.request.uri:
        return _status(ask, 401, "html")
    mark = "&" if "?" in ask.request.uri else "?"
    return Answer(status=302, headers={"Location": f"{_standby(ask)}{ask.request.uri}{mark}{marked}"})


def _kind(name: str, text: str, act: Callable[..., Any], **options: Any) -> Kind:
    return Kind(name, Stage.ANSWER, text, act, options)


_FORMS = {"html": "Jetty's page", "json": 'JSON with only "message"', "empty": "an empty body"}
_STATUS_FORMS = [(status, form) for status in (401, 403) for form in ("html", "json")]
_STATUS_FORMS += [(status, form) for status in (502, 503, 504) for form in ("html", "empty", "json")]

KINDS = (
    *(
        _kind(
            f"error-{status}-{form}",
            f"{status} with {_FORMS[form]}",
            partial(_status, status=status, form=form),
        )
        for status, form in _STATUS_FORMS
    ),
    _kind("error-502-slow", "2.75 s of nothing, then 502: no leader", _slow_502, delay_s=2.75),
    _kind("error-500-uri", '500 "URI not found", as 1.10 and later say for 404', _uri_not_found),
    _kind("portal", "200 with somebody else's HTML (a captive portal)", _portal),
    _kind("hang", "the request is accepted and never answered (one client: an isolated one)", _hang),
    _kind("reset", "the connection ends by RST instead of an answer", _reset),
    _kind("close", "the connection ends by FIN instead of an answer", _close),
    _kind("other-cluster", "a fresh, wrong cluster answers: no app, another framework id", _other_cluster),
    _kind("redirect-dead", "302 to a port that nobody listens at", partial(_redirect, _dead), to=""),
    _kind("redirect-standby", "302 to another master", partial(_redirect, _standby), to=""),
    _kind("redirect-loop", "302 to where the client is already", partial(_redirect, _loop), to=""),
    _kind(
        "redirect-foreign",
        "302 to another host name (option to=URL; default localhost)",
        partial(_redirect, _foreign),
        to="",
    ),
    _kind(
        "redirect-unresolvable",
        "302 to a name that does not resolve",
        partial(_redirect, _unresolvable),
        to="",
    ),
    _kind("redirect-401", "302 to another master, which answers 401", _redirect_401),
)
