"""The forms of an answer: JSON, text, an error as the Hub words it, a page of HTML where there should be none.

What is answered when belongs to `app` and `gate`.
"""

import json
from typing import Any

from starlette.responses import Response


class ApiError(Exception):
    """An answer that is an error: its status, its text, and the Hub's code for it where there is one."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        # headers take no more than what is printable in ASCII
        plain = "".join(sign if " " <= sign <= "~" else ascii(sign)[1:-1] for sign in message)
        self.headers = {"X-Error-Message": plain} | ({"X-Error-Code": code} if code else {})


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json; charset=utf-8")


def error_response(error: ApiError) -> Response:
    """Return the answer that an error is."""
    return json_response({"error": str(error)}, error.status, error.headers)


def text_response(text: str) -> Response:
    """Return a file of text."""
    return Response(text, media_type="text/plain; charset=utf-8")


def html_response(status: int, title: str) -> Response:
    """Return a page for people, as the Hub's front answers when what is behind it does not."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Response(text, status, media_type="text/html")
