"""A page with the list of apps, and Marathon's "JSON mode": paste an app, create it. Without scripts."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any

from appliance.lab.marathon.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left; }
textarea { box-sizing: border-box; font: 14px/1.4 monospace; width: 100%; }
.refused { background: #fde8e8; border: 1px solid #c33; padding: .5rem 1rem; white-space: pre-wrap; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{_HASH}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_EXAMPLE = {"id": "/hello", "instances": 1, "cmd": "serve"}


def page(
    apps: Iterable[Mapping[str, Any]], *, given: str = "", refused: str = "", status: int = 200
) -> Answer:
    """The page; `given` is what stands in the form, `refused` why it was not created."""
    rows = "".join(_row(app) for app in apps) or '<tr><td colspan="4">No app yet.</td></tr>'
    message = f'<p class="refused" role="alert">{escape(refused)}</p>' if refused else ""
    text = given or json.dumps(_EXAMPLE, indent=2)
    body = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Marathon</title><style>{_STYLE}</style></head>
<body><h1>Marathon</h1>
<table><thead><tr><th>Application</th><th>Running</th><th>Healthy</th><th>State</th></tr></thead>
<tbody>{rows}</tbody></table>
<h2>Create application: JSON mode</h2>
{message}
<form method="post" action="/ui/apps"><label for="json">The app as JSON</label>
<textarea id="json" name="json" rows="20" spellcheck="false" required>
{escape(text)}</textarea>
<p><button type="submit">Create Application</button></p></form>
</body></html>
"""
    return Answer(
        body,
        status,
        {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"},
        "text/html; charset=utf-8",
    )


def _row(app: Mapping[str, Any]) -> str:
    state = "deploying" if app["deployments"] else "running" if app["instances"] else "suspended"
    counts = f"{app['tasksRunning']} of {app['instances']}"
    healthy = f"{app['tasksHealthy']} healthy, {app['tasksUnhealthy']} unhealthy"
    cells = (app["id"], counts, healthy, state)
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>\n"
