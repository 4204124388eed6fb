"""Response types: JSON, plain text, an error worded like the Hub's, and an unexpected HTML page.

Choosing the response belongs in `app` and `middleware`.
"""

import json
from typing import Any

from starlette.responses import Response


class ApiError(Exception):
    """An error response: status, message, and the Hub's error code if there is one."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        # header values allow only printable ASCII
        plain = "".join(sign if " " <= sign <= "~" else ascii(sign)[1:-1] for sign in message)
        self.headers = {"X-Error-Message": plain} | ({"X-Error-Code": code} if code else {})


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json; charset=utf-8")


def error_response(error: ApiError) -> Response:
    """Return the response for an error."""
    return json_response({"error": str(error)}, error.status, error.headers)


def text_response(text: str) -> Response:
    """Return a plain text response."""
    return Response(text, media_type="text/plain; charset=utf-8")


def html_response(status: int, title: str) -> Response:
    """Return an HTML page, as the Hub's front end does when the backend fails."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(text, status, media_type="text/html")
