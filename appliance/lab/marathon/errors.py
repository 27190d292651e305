"""Refusals of the API: an HTTP status with the body Marathon sends for it."""

from __future__ import annotations

from typing import Any


class RefusedError(Exception):
    """Answered to the client as `status` with `body` as JSON, or as Jetty's HTML page when body is None.

    The page says `reason`, by default the status' own.
    """

    def __init__(self, status: int, body: dict[str, Any] | None = None, reason: str = "") -> None:
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body
        self.reason = reason


def malformed(path: str, error: str) -> RefusedError:
    return RefusedError(400, {"message": "Invalid JSON", "details": [{"path": path, "errors": [error]}]})


def invalid(path: str, error: str) -> RefusedError:
    return RefusedError(
        422, {"message": "Object is not valid", "details": [{"path": path, "errors": [error]}]}
    )


def missing_app(app_id: str) -> RefusedError:
    return RefusedError(404, {"message": f"App '{app_id}' does not exist"})


def locked(deployments: list[str]) -> RefusedError:
    """The text <DEPLOYMENT_ID> is literal, as Marathon sends it."""
    message = (
        "App is locked by one or more deployments. Override with the option '?force=true'. "
        "View details at '/v2/deployments/<DEPLOYMENT_ID>'."
    )
    return RefusedError(409, {"message": message, "deployments": [{"id": each} for each in deployments]})
