"""Files from other libraries are read correctly; invalid values are rejected with file, column and row."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.local_hub.fields import EXPAND
from hub_assets.local_hub.population import PopulationError
from hub_assets.local_hub.recording import COMMITS, REPOSITORIES, Form, read_recorded
from hub_assets.local_hub.replay import replay
from hub_assets_tests.local_hub.conftest import Hub

StartHub = Callable[..., Hub]

NOON = datetime(2024, 7, 14, 12, 30, 15, 123_000)
WORDS = pa.dictionary(pa.int32(), pa.large_string())


def array(kind: pa.DataType, *values: Any) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def extension(kind: pa.BaseExtensionType, *values: Any) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


def json_lists(*lists: list[str] | None) -> pa.Array:
    """Return lists of JSON strings."""
    items = extension(pa.json_(), *(text for one in lists for text in one or []))
    offsets = [0, *accumulate(len(one or []) for one in lists)]
    nulls = pa.array([one is None for one in lists])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, mask=nulls)


def json_licenses(*texts: str) -> pa.Array:
    """Return cards whose license is of mixed type, as DuckDB stores them."""
    return pa.StructArray.from_arrays([extension(pa.json_(), *texts)], ["license"])


def shown(value: Any) -> str:
    return str(getattr(value, "type", value))[:40]


def read(path: Path, forms: dict[str, Form], name: str, column: Any) -> list[Any]:
    """Write a file with this column and with made-up values in the required ones; return the column as read back."""
    needed: dict[str, Any] = {"id": "o/x", "model_id": "o/x", "authors": ["ada"], "date": NOON}
    columns = {key: pa.array([needed[key]] * len(column)) for key, form in forms.items() if form.is_required}
    pq.write_table(pa.table({**columns, name: column}), path)
    found: list[Any] = read_recorded(path, forms)[name].to_pylist()
    return found


def test_every_api_field_has_a_form() -> None:
    assert {name for names in EXPAND.values() for name in names} <= set(REPOSITORIES)


CARD = {"license": "mit", "tags": ["a"]}
WEIGHTS = {"total": 7, "parameters": {"F16": 7}}
FILES = [{"rfilename": "a"}]
READ: list[tuple[str, pa.Array, list[Any]]] = [
    ("author", array(pa.large_string(), "ada", None), ["ada", None]),
    ("author", array(pa.string_view(), "ada", None), ["ada", None]),
    ("author", array(WORDS, "ada", None, "ada"), ["ada", None, "ada"]),
    ("author", array(pa.dictionary(pa.uint8(), pa.string()), "ada", None), ["ada", None]),
    ("author", array(pa.binary(), b"ada", None), ["ada", None]),
    ("gated", array(pa.bool_(), True, None, False), ["true", None, "false"]),
    ("gated", array(pa.large_string(), "True", "False", None), ["true", "false", None]),
    ("gated", array(WORDS, "auto", "manual", "FALSE"), ["auto", "manual", "false"]),
    ("private", array(pa.bool_(), True, None), [True, None]),
    ("private", array(pa.string(), "True", "false", None), [True, False, None]),
    ("private", array(pa.int64(), 1, 0, None), [True, False, None]),
    ("private", array(pa.float64(), 1.0, 0.0, float("nan")), [True, False, None]),
    ("likes", array(pa.int32(), 3, None), [3, None]),
    ("likes", array(pa.uint64(), 3, 2**53 + 1), [3, 2**53 + 1]),
    ("likes", array(pa.float64(), 3.0, float("nan")), [3, None]),
    ("likes", array(pa.float32(), 3.0, None), [3, None]),
    ("likes", array(pa.decimal128(10, 2), Decimal("3.00"), None), [3, None]),
    ("likes", array(pa.large_string(), "3", None), [3, None]),
    ("trendingScore", array(pa.int64(), 3, None), [3.0, None]),
    ("trendingScore", array(pa.float32(), 0.5, float("nan")), [0.5, None]),
    ("trendingScore", array(pa.decimal128(10, 2), Decimal("0.50"), None), [0.5, None]),
    ("trendingScore", array(pa.string(), "0.5", "-3e2"), [0.5, -300.0]),
    ("tags", array(pa.large_list(pa.large_string()), ["a", None], None, []), [["a", None], None, []]),
    ("tags", array(pa.list_(pa.string_view()), ["a"], None), [["a"], None]),
    ("tags", array(pa.list_(pa.string(), 2), ["a", "b"], None), [["a", "b"], None]),
    ("tags", pa.ListArray.from_arrays([0, 1, 2], array(WORDS, "a", "b")), [["a"], ["b"]]),
    ("tags", array(pa.list_(pa.null()), [], None), [[], None]),
    ("cardData", array(pa.large_string(), json.dumps(CARD), None), [CARD, None]),
    ("cardData", array(WORDS, json.dumps(CARD), "null", "{}"), [CARD, None, {}]),
    ("cardData", extension(pa.json_(), json.dumps(CARD), None), [CARD, None]),
    ("cardData", pa.array([CARD, {"license": None, "tags": ["é"]}, None]), [CARD, {"tags": ["é"]}, None]),
    ("cardData", array(pa.map_(pa.string(), pa.string()), [("license", "mit")], None), [{"license": "mit"}, None]),
    ("safetensors", pa.array([WEIGHTS | {"parameters": {"F16": 7, "I8": None}}]), [WEIGHTS]),
    ("safetensors", array(pa.string(), json.dumps(WEIGHTS)), [WEIGHTS]),
    ("author", extension(pa.json_(), '"ada"', None, "7"), ["ada", None, "7"]),
    ("gated", extension(pa.json_(), '"auto"', "false", None), ["auto", "false", None]),
    ("likes", extension(pa.json_(), "3", '"4"', None), [3, 4, None]),
    ("tags", extension(pa.json_(), '["a"]', None, "[]"), [["a"], None, []]),
    ("tags", json_lists(['"a"', '"b"'], None, []), [["a", "b"], None, []]),
    ("cardData", json_licenses('"mit"', '["mit", "x"]'), [{"license": "mit"}, {"license": ["mit", "x"]}]),
    ("siblings", array(pa.large_list(pa.struct([("rfilename", pa.large_string())])), FILES, None), [FILES, None]),
]


@pytest.mark.parametrize(("name", "column", "expected"), READ, ids=shown)
def test_values_are_read_whatever_their_stored_type(
    tmp_path: Path, name: str, column: pa.Array, expected: list[Any]
) -> None:
    found = read(tmp_path / "models.parquet", REPOSITORIES, name, column)
    if name in ("cardData", "safetensors", "siblings"):
        found = [None if text is None else json.loads(text) for text in found]
    assert found == expected


MOMENTS: list[pa.Array] = [
    array(pa.timestamp("ms"), NOON),
    array(pa.timestamp("us"), NOON + timedelta(microseconds=999)),
    array(pa.timestamp("ns"), NOON),
    array(pa.timestamp("us", "UTC"), NOON),
    array(pa.timestamp("ns", "Asia/Kolkata"), NOON.replace(tzinfo=UTC)),
    *(
        array(kind, text)
        for kind in (pa.string(), pa.large_string(), pa.string_view(), WORDS)
        for text in (
            "2024-07-14T12:30:15.123Z",
            "2024-07-14T12:30:15.123456Z",
            "2024-07-14 12:30:15.123456789",
            "2024-07-14 12:30:15.123456+00:00",
            "2024-07-14 12:30:15.123+00",
            "2024-07-14T14:30:15.123+02:00",
            "2024-07-14T04:00:15.123-0830",
            "2024-07-14 12:30:15.123 UTC",
            "2024-07-14T12:30:15.123 +00:00",
        )
    ),
]


@pytest.mark.parametrize("column", MOMENTS, ids=shown)
def test_dates_are_read_in_utc_to_the_millisecond(tmp_path: Path, column: pa.Array) -> None:
    for forms, name in ((REPOSITORIES, "createdAt"), (COMMITS, "date")):
        assert read(tmp_path / "any.parquet", forms, name, column) == [NOON]


def test_days_seconds_and_far_years(tmp_path: Path) -> None:
    midnight, minute = NOON.replace(hour=0, minute=0, second=0, microsecond=0), NOON.replace(second=0, microsecond=0)
    for column, expected in (
        (array(pa.date32(), midnight.date()), midnight),
        (array(pa.date64(), midnight.date()), midnight),
        (array(pa.string(), "2024-07-14"), midnight),
        (array(pa.string(), "2024-07-14T12:30"), minute),
        (array(pa.string(), "2024-07-14 12:30Z"), minute),
        (array(pa.timestamp("s"), minute), minute),
        (array(pa.string(), "0001-01-01T00:00:00Z"), datetime(1, 1, 1)),
        (array(pa.string(), "9999-12-31T23:59:59.999Z"), datetime(9999, 12, 31, 23, 59, 59, 999_000)),
    ):
        assert read(tmp_path / "any.parquet", REPOSITORIES, "createdAt", column) == [expected]


@settings(max_examples=30, deadline=None)
@given(moments=st.lists(st.datetimes() | st.none(), min_size=1), unit=st.sampled_from(["us", "text"]))
def test_any_date_is_read_to_the_millisecond(
    moments: list[datetime | None], unit: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = [None if moment is None or unit == "us" else moment.isoformat() for moment in moments]
    column = pa.array(moments, pa.timestamp("us")) if unit == "us" else pa.array(values, pa.string())
    if column.null_count == len(column):
        return
    found = read(tmp_path_factory.mktemp("any") / "any.parquet", REPOSITORIES, "createdAt", column)
    cut = [moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in moments]
    assert found == cut


AUTHORS = pa.struct([("user", pa.large_string()), ("avatar", pa.large_string())])
ADA, LINKED = {"user": "ada", "avatar": None}, {"user": "ada", "avatar": "/ada.svg"}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (array(pa.list_(pa.string()), ["ada", "bob"], None), [[ADA, {"user": "bob", "avatar": None}], []]),
        (array(pa.large_list(pa.string_view()), ["ada"], []), [[ADA], []]),
        (array(pa.list_(AUTHORS), [LINKED, ADA], None, []), [[LINKED, ADA], [], []]),
        (pa.array([[{"user": "ada", "x": 1}], None]), [[ADA], []]),
        (array(pa.large_string(), "ada", None, "ada"), [[ADA], [], [ADA]]),
        (array(WORDS, "[bot] ada"), [[{"user": "[bot] ada", "avatar": None}]]),
        (array(AUTHORS, LINKED, None), [[LINKED], []]),
    ],
    ids=shown,
)
def test_authors_are_read_whatever_their_stored_type(tmp_path: Path, column: pa.Array, expected: list[Any]) -> None:
    assert read(tmp_path / "commits.parquet", COMMITS, "authors", column) == expected


FAR = 400_000 * 365 * 86_400
REFUSED: list[tuple[str, pa.Array, int, str]] = [
    ("id", pa.array(["o/x", None]), 2, "expected an id such as name or owner/name, found nothing"),
    ("id", pa.array(["o/x", "o/x/y"]), 2, "expected an id such as name or owner/name, found 'o/x/y' (string)"),
    ("id", pa.array(["../x"]), 1, "found '../x'"),
    ("id", pa.array(["o/x", ""]), 2, "found ''"),
    ("id", pa.array([1, 2]), 1, "found 1 (int64)"),
    ("_id", pa.array([None, ""]), 2, "expected a key such as 24 hexadecimal digits, found ''"),
    ("_id", pa.array(["a", "a\x00"]), 2, "expected a key"),
    ("author", pa.array([None, 3]), 2, "expected text, found 3 (int64)"),
    ("sdk", array(pa.large_string(), None, "x").dictionary_encode(), 0, ""),
    ("likes", array(pa.string_view(), "1", None, "x"), 3, "found 'x' (string_view)"),
    ("tags", array(pa.list_view(pa.string()), ["x"]), 1, "expected a list of text, found ['x'] (list_view<"),
    ("tags", array(pa.list_(pa.map_(pa.string_view(), pa.string_view())), []), 1, "expected a list of text, found []"),
    ("author", array(pa.binary(), b"ok", b"\xff"), 2, r"expected text, found b'\xff' (binary)"),
    ("sha", array(pa.binary(20), b"a" * 20), 1, "expected text"),
    ("gated", pa.array(["False", "no"]), 2, "expected false, true, auto or manual, found 'no'"),
    ("gated", pa.array([None, 0]), 2, "expected false, true, auto or manual, found 0 (int64)"),
    ("private", pa.array(["true", ""]), 2, "expected true or false, found ''"),
    ("disabled", pa.array([0, 1, 2]), 3, "expected true or false, found 2"),
    ("likes", pa.array([1.0, None, 1.5]), 3, "expected a whole number, found 1.5"),
    ("likes", pa.array(["1", "many"]), 2, "found 'many'"),
    ("likes", pa.array([True]), 1, "found True (bool)"),
    ("likes", array(pa.uint64(), 2**63 - 1, 2**63), 2, "found 9223372036854775808"),
    ("downloads", pa.array([1.0, float("inf")]), 2, "expected a whole number, found inf"),
    ("trendingScore", pa.array([None, 1.0, float("-inf")]), 3, "expected a finite number, found -inf"),
    ("trendingScore", pa.array([NOON]), 1, "expected a finite number"),
    ("tags", pa.array(["a", "b"]), 1, "expected a list of text, found 'a'"),
    ("tags", pa.array([None, [1]]), 2, "expected a list of text, found [1] (list<"),
    ("tags", pa.array([[], ["a"]], pa.list_(pa.binary())), 0, ""),
    ("tags", pa.array([["a"], [b"\xff"]], pa.list_(pa.binary())), 2, "expected a list of text"),
    ("createdAt", pa.array(["2024-02-29", "2023-02-29"]), 2, "ISO 8601, found '2023-02-29'"),
    ("createdAt", pa.array(["infinity"]), 1, "found 'infinity'"),
    ("createdAt", pa.array(["0000-12-31"]), 1, "found '0000-12-31'"),
    ("createdAt", pa.array(["9999-12-31T23:30:00-01:00"]), 1, "in the years 1 to 9999"),
    ("createdAt", pa.array(["14/07/2024"]), 1, "found '14/07/2024'"),
    ("createdAt", pa.array([None, 1_720_960_215]), 2, "found 1720960215 (int64)"),
    ("lastModified", pa.array([0, FAR], pa.timestamp("ms")).cast(pa.timestamp("s"), safe=False), 0, ""),
    ("lastModified", pa.array([0, FAR], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp("ms")), 2, "years 1 to"),
    ("cardData", pa.array(["{}", ""]), 2, "expected a JSON object, or null where there is none, found ''"),
    ("cardData", pa.array(["{}", "license: mit"]), 2, "found 'license: mit'"),
    ("cardData", pa.array([None, "[]"]), 2, "found '[]'"),
    ("cardData", pa.array(['{"a": NaN}']), 1, """found '{"a": NaN}'"""),
    ("cardData", pa.array(['{"a": 1e999}']), 1, "1e999"),
    ("cardData", pa.array(['{"a": "\\ud800"}']), 1, "ud800"),
    ("cardData", pa.array(["{}", '{"a":' * 5000 + "1" + "}" * 5000]), 2, "…"),
    ("cardData", pa.array(['{"a":' + "9" * 5000 + "}"]), 1, "…"),
    ("cardData", pa.array(['{"a": 1},{"b": 2}', "{}"]), 1, ""),
    ("cardData", pa.array([{"a": 1.0}, {"a": float("nan")}]), 2, "nan"),
    ("cardData", pa.array([{"date": NOON}]), 1, "datetime"),
    ("runtime", pa.array([3.0]), 1, "expected a JSON object"),
    ("siblings", pa.array(["[]", "1"]), 2, "expected a JSON object or list, or null where there is none, found '1'"),
]


@pytest.mark.parametrize(("name", "column", "row", "words"), REFUSED, ids=shown)
def test_an_invalid_value_is_rejected_with_file_column_and_row(
    tmp_path: Path, name: str, column: pa.Array, row: int, words: str
) -> None:
    path = tmp_path / "models.parquet"
    if not row:
        read(path, REPOSITORIES, name, column)
        return
    with pytest.raises(PopulationError) as refusal:
        read(path, REPOSITORIES, name, column)
    sentence = str(refusal.value)
    assert f"{path}, column {name}, row {row:,} of {len(column):,}: expected " in sentence
    assert words in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "column", "row"),
    [
        ("model_id", pa.array(["o/x", None]), 2),
        ("id", pa.array(["a", ""]), 2),
        ("title", pa.array([None, 1.5]), 2),
        ("date", pa.array([NOON, None]), 2),
        ("date", pa.array([NOON.isoformat(), "yesterday"]), 2),
        ("authors", pa.array(["ada", "['ada', 'bob']"]), 2),
        ("authors", pa.array([None, '{"user": "ada"}']), 2),
        ("authors", pa.array([[], ["ada", None]]), 2),
        ("authors", pa.array([None, [1]]), 2),
        ("authors", pa.array([[{"user": "ada"}], [{"user": None}]]), 2),
        ("authors", pa.array([None, [{"name": "ada"}]]), 2),
        ("authors", pa.array([3]), 1),
    ],
    ids=shown,
)
def test_invalid_commits_are_rejected_with_file_column_and_row(
    tmp_path: Path, name: str, column: pa.Array, row: int
) -> None:
    path = tmp_path / "commits.parquet"
    with pytest.raises(PopulationError) as refusal:
        read(path, COMMITS, name, column)
    assert f"{path}, column {name}, row {row} of {len(column)}: expected " in str(refusal.value)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.sampled_from(["1", "2", None]), max_size=40), first=st.integers(0), second=st.integers(0))
def test_the_first_invalid_value_is_named(
    values: list[str | None], first: int, second: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for place in (first, second):
        values.insert(place % (len(values) + 1), "x")
    with pytest.raises(PopulationError, match=rf"row {values.index('x') + 1} of {len(values)}:"):
        read(tmp_path_factory.mktemp("any") / "models.parquet", REPOSITORIES, "likes", pa.array(values))


def test_an_all_null_column_was_not_observed_whatever_its_type(tmp_path: Path) -> None:
    for kind in (pa.null(), pa.int32(), pa.bool_(), pa.timestamp("ns"), pa.list_(pa.null())):
        pq.write_table(pa.table({"id": ["a", "b"], "tags": pa.nulls(2, kind)}), tmp_path / "models.parquet")
        assert read_recorded(tmp_path / "models.parquet", REPOSITORIES).column_names == ["id"]


def test_recorded_values_are_served(tmp_path: Path, start_hub: StartHub) -> None:
    """The HTTP responses are the same however a value is stored, including cards and licenses."""
    rows = {
        "id": array(pa.large_string(), "o/a", "o/b"),
        "createdAt": array(pa.timestamp("ns", "UTC"), NOON, None),
        "gated": array(WORDS, "False", "auto"),
        "likes": pa.array([2**60 + 1, None], pa.uint64()),
        "tags": array(pa.large_list(pa.string_view()), ["license:mit"], None),
        "cardData": pa.array([{"license": "mit", "language": None}, None]),
        "safetensors": array(pa.large_string(), None, '{"total": 7}'),
        "card": array(WORDS, "about a", "about b"),
    }
    pq.write_table(pa.table(rows), tmp_path / "models.parquet")
    hub = start_hub(replay(tmp_path))
    names = ("createdAt", "gated", "likes", "tags", "cardData", "safetensors")
    found = hub.rows("/api/models?sort=likes&limit=2&" + "&".join(f"expand={name}" for name in names))
    assert [{key: value for key, value in row.items() if key != "_id"} for row in found] == [
        {
            "id": "o/a",
            "createdAt": "2024-07-14T12:30:15.123Z",
            "gated": False,
            "likes": 2**60 + 1,
            "tags": ["license:mit"],
            "cardData": {"license": "mit"},
        },
        {"id": "o/b", "gated": "auto", "safetensors": {"total": 7}},
    ]
    assert hub.get("/o/a/raw/main/README.md").text == "---\nlicense: mit\n---\nabout a"
    for page in hub.pages("/api/models?sort=likes&limit=1"):
        assert len(page) == 1


RECORDED = [
    {
        "id": "o/a",
        "createdAt": "2024-07-14T12:30:15.123Z",
        "gated": False,
        "private": False,
        "likes": 7,
        "downloads": 2**40,
        "tags": ["license:mit", "text-generation"],
        "cardData": {"license": "mit", "language": ["en"]},
    },
    {"id": "o/b", "gated": "auto", "private": True, "likes": 3, "tags": ["license:apache-2.0"]},
]
"""What a Hub lists about two models; the second one lacks some fields."""


def by_pandas(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows as pandas does: large strings, nested values as structs with nulls, mixed values as text."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["createdAt"] = pd.to_datetime(frame["createdAt"])
    frame["gated"] = frame["gated"].astype(str)
    frame["likes"] = frame["likes"].astype("int64")
    frame.to_parquet(path)


def by_pandas_as_text(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows as pandas does after `read_json`: cards as JSON text, counts with gaps as floats."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["cardData"] = [json.dumps(card) if isinstance(card, dict) else None for card in frame["cardData"]]
    frame["gated"] = frame["gated"].astype(str).astype("category")
    frame["downloads"] = frame["downloads"].astype("float64")
    frame.to_parquet(path)


def by_duckdb(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows as DuckDB does, with the types that it infers from a JSON file."""
    import duckdb

    source = path.with_suffix(".json")
    source.write_text("\n".join(json.dumps(row) for row in rows))
    with duckdb.connect() as connection:
        connection.read_json(str(source)).write_parquet(str(path))
    source.unlink()


def by_pyarrow(rows: list[dict[str, Any]], path: Path) -> None:
    """Write rows as pyarrow does, with no preparation except a single type for mixed values."""
    pq.write_table(pa.Table.from_pylist([row | {"gated": str(row["gated"])} for row in rows], _union(rows)), path)


def _union(rows: list[dict[str, Any]]) -> pa.Schema:
    # on its own, from_pylist takes the column names from the first row only
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = {name: pa.array([row.get(name) for row in rows if name != "gated"]).type for name in names}
    return pa.schema([(name, pa.string() if name == "gated" else kind) for name, kind in kinds.items()])


@pytest.mark.parametrize("write", [by_pandas, by_pandas_as_text, by_duckdb, by_pyarrow])
def test_files_of_common_libraries_are_served_alike(
    tmp_path: Path, start_hub: StartHub, write: Callable[[list[dict[str, Any]], Path], None]
) -> None:
    write(RECORDED, tmp_path / "models.parquet")
    hub = start_hub(replay(tmp_path))
    names = [name for name in RECORDED[0] if name != "id"]
    found = hub.rows("/api/models?sort=likes&limit=2&" + "&".join(f"expand={name}" for name in names))
    assert [{key: value for key, value in row.items() if key != "_id"} for row in found] == RECORDED
