"""Parses JSON bodies as tolerantly as Python's `json`, and writes them so that every reader accepts them.

orjson takes half as long as `json` to parse a 0.75 MB page, and a tenth as long to write it. `json` handles the
bodies that orjson would reject or round.
"""

import json
from contextlib import suppress
from typing import Any, Final

import orjson

_DIGITS: Final = bytes.maketrans(b"123456789:,[-\n\r\t", b"000000000       ")
"""Turns every digit into 0, and every character that can precede a number into a space."""
_WIDE: Final = b" " + b"0" * 19
"""The start of a whole number that may not fit in 64 bits; orjson would read it as a float."""


def parsed(content: bytes) -> tuple[str, Any, bool]:
    """Return a body's text, its value, and whether it is plain: UTF-8 without NaN, infinities or wide numbers.

    Raises:
        ValueError: if it is not JSON.
        RecursionError: if it is nested too deeply.
    """
    if _WIDE not in (b" " + content).translate(_DIGITS):
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


def written(value: Any, *, is_plain: bool) -> bytes:
    """Return a value as JSON that every reader accepts, with NaN and infinities as text.

    Args:
        value: the value.
        is_plain: whether `parsed` reported the body as plain.
    """
    if is_plain:
        with suppress(orjson.JSONEncodeError):  # nested more than 254 levels deep
            return orjson.dumps(value)
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(json.loads(json.dumps(value), parse_constant=str))
    return text.encode()


def _whole(digits: str) -> int | float:
    """Parse a whole number; one with 400 or more digits becomes a float.

    Python raises an error for an int with thousands of digits, which would cost us the entire page.
    """
    return int(digits) if len(digits) < 400 else float(digits)
