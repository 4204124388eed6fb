"""Bodies parsed and written by orjson where that changes nothing, compared with Python's `json`."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.hub.http.bodies import parsed, written

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**66) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Compare values with their types; NaN equals NaN, and -0.0 does not equal 0."""
    return repr(one) == repr(other)


def with_text(value: Any) -> Any:
    """Return a value with NaN and infinities as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, list):
        return [with_text(each) for each in value]
    return {key: with_text(each) for key, each in value.items()} if isinstance(value, dict) else value


@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]))
def test_a_body_is_read_and_written_as_json_does(value: Any, is_ascii: bool, encoding: str) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:  # an unpaired surrogate, which no body can contain without an escape
        content = (text := json.dumps(value)).encode(encoding)
    found, body, is_plain = parsed(content)
    assert same(body, json.loads(text))
    assert found == text
    again = written(body, is_plain=is_plain)
    assert same(json.loads(again, parse_constant=pytest.fail), with_text(body))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"18446744073709551616", 2**64),
        (b"-9223372036854775809", -(2**63) - 1),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"[1e400, NaN, -Infinity]", [math.inf, math.nan, -math.inf]),
        (rb'"\ud800"', "\ud800"),
        (b"1" * 5_000, math.inf),
        (b"\xef\xbb\xbf[]", []),
        (b"[" * 256 + b"]" * 256, json.loads("[" * 256 + "]" * 256)),
    ],
)
def test_odd_bodies_are_read_as_json_does(content: bytes, value: Any) -> None:
    text, body, is_plain = parsed(content)
    assert same(body, value)
    text.encode()
    assert same(json.loads(written(body, is_plain=is_plain), parse_constant=pytest.fail), with_text(value))


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1", b"\xff\xff", b"[1]]"])
def test_what_is_not_json_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra|decode"):
        parsed(content)


def test_deep_nesting_is_an_error() -> None:
    with pytest.raises(RecursionError):
        parsed(b"[" * 100_000)
