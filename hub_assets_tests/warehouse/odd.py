"""Rows of raw tables with values that engines may treat differently: nulls, distant dates, empty lists, broken JSON."""

import random
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

WEEKS: Final = (date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16))
N_ROWS: Final = 150
N_KEYS: Final = 40
_TEXTS: Final = ("", " ", "İstanbul", "ΟΔΟΣ", "a\nb", "\u00a0x\t", "Ann", "ann", "'", '"', "org/Name", "ORG/name", None)
_JSON: Final = (
    *('{"license": "MIT"}', '{"license": ["mit", null, 3, {"a": 1}]}', '{"license": []}', '{"license": null}'),
    *('{"license": "mit"', "[1, 2]", '"mit"', "null", "", "{}", '{"license": {"a": 1}}', '{"license": 3}', "not json"),
    None,
)
_TAGS: Final = (
    *("license:mit", "license: Apache-2.0 ", "license:", "base_model:org/A", "base_model:finetune:org/a"),
    *("base_model:adapter:https://huggingface.co/org/b?x#y\n", "base_model:quantized:org/b/tree/main\r"),
    *("base_model: ", "base_model:/home/ann/model", "text-generation", "medical", "language:de", "language:"),
    *("base_model:merge:org/İ", "İ", "", None),
)
_CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    "snapshot_date": WEEKS,
    "repo_type": ("model", "dataset", "space"),
    "kind": ("commits", "discussions"),
    "outcome": ("ok", "ok", "ok", "not_modified", "gone", "failed", "gated", "disabled", "moved"),
    "gated": ("false", "auto", None),
    "cardData": _JSON,
    "account_type": ("user", "org", None),
    "network": ("all", "nlp", "multimodal"),
    "pipeline_tag": ("text-generation", None),
    "relation": ("finetune", "adapter", "unspecified"),
    "user": ("Ann", "ann", "İ", "deleted", None),
    "is_last": (True, True, False),
}


def odd_rows(table: str, schema: pa.Schema, grain: tuple[str, ...]) -> pa.Table:
    """Return invented rows of a table, one per key and the same every time."""
    rng = random.Random(table)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for _ in range(N_ROWS):
        row = {field.name: _value(rng, field.name, field.type, is_key=field.name in grain) for field in schema}
        number = rng.randrange(N_KEYS)
        for key, name in (("repo_key", "repo_id"), ("_id", "id")):
            if name in row and key in row:
                row[key], row[name] = f"k{number}", ("org/Name", "ORG/n", "İ/ß", "plain")[number % 4] + str(number)
        rows[tuple(row[name] for name in grain)] = row
    return pa.Table.from_pylist(list(rows.values()), schema)


def _value(rng: random.Random, name: str, kind: pa.DataType, *, is_key: bool = False) -> Any:
    if name in _CHOICES:
        return rng.choice([value for value in _CHOICES[name] if value is not None or not is_key])
    if not is_key and rng.random() < 0.15:
        return None
    if pa.types.is_list(kind):
        return [
            _value(rng, "tag" if name == "tags" else "", kind.value_type) for _ in range(rng.choice((0, 0, 1, 2, 4)))
        ]
    if pa.types.is_struct(kind):
        return {field.name: _value(rng, field.name, field.type) for field in kind}
    if pa.types.is_map(kind):
        return [("a", 1)]
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_integer(kind):
        return rng.choice((0, 1, 1, 2, 3, 5, 8, 100, 1_000_003))
    if pa.types.is_floating(kind):
        return rng.choice((0.0, 0.5, 1.0, 1 / 3, 2.5, -1.5))
    if pa.types.is_date(kind):
        return rng.choice((date(1970, 1, 1), date(1, 1, 1), *WEEKS))
    if pa.types.is_timestamp(kind):
        far = (datetime(1970, 1, 1), datetime(1500, 2, 28, 23, 59, 59, 999999), datetime(9999, 12, 31))
        near = [datetime(2026, 11, 1) + timedelta(hours=rng.randrange(400)) for _ in range(4)]
        # the engines count fractions of a second differently
        return rng.choice((*far, *near)) + timedelta(microseconds=rng.choice((-700_000, 0, 0, 700_000)))
    if name == "tag":
        return rng.choice(_TAGS)
    return rng.choice([text for text in _TEXTS if text is not None or not is_key])
