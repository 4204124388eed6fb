"""JSON bodies: parsed as tolerantly as Python's `json` does, and written so that every reader accepts them.

orjson does both in half the time. What it rejects, or would round, goes to `json`.
"""

import json
import string
from contextlib import suppress
from typing import Any, Final

import orjson

_DIGITS: Final = bytes(ord("0") if chr(byte) in string.digits else ord(" ") for byte in range(256))
_WIDE: Final = b"0" * 19
"""As many digits as a number has that may not fit in 64 bits; orjson would read it as a float."""


def parsed(content: bytes) -> tuple[str, Any, bool]:
    """Return a body as text, as a value, and whether it is strict JSON: UTF-8 without NaN or infinities.

    Raises:
        ValueError: if it is not JSON.
        RecursionError: if it is nested too deeply.
    """
    if _WIDE not in content.translate(_DIGITS):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(content)
            return content.decode(), value, True
    text = content.decode(json.detect_encoding(content), "surrogatepass")
    value = json.loads(text, parse_int=_whole)
    try:
        text.encode()
    except UnicodeEncodeError:  # an unpaired surrogate
        text = text.encode("utf-8", "replace").decode()
    return text, value, False


def written(value: Any, *, is_strict: bool) -> str:
    """Return a value as strict JSON, with NaN and infinities as text.

    Args:
        value: the value.
        is_strict: whether `parsed` read it from strict JSON.
    """
    if is_strict:
        return orjson.dumps(value).decode()
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value), parse_constant=str))


def _whole(digits: str) -> int | float:
    """Parse a whole number. Python rejects an int with thousands of digits, which would cost us the entire page."""
    return int(digits) if len(digits) < 400 else float(digits)
