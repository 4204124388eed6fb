"""From listing pages to rows: values are typed, mismatches kept and counted, duplicates dropped."""

import json
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.hub.collect.listing_rows import RowCounts, listing_rows
from hub_assets.hub.collect.values import GREATEST_COUNT
from hub_assets.hub.http import bodies
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.vocabulary import REPO_TYPES, RepoType

WEEK = date(2026, 8, 24)
NOW = datetime(2026, 8, 24, 6, 30)


def rows_of(
    *pages: list[Any], repo_type: RepoType = "model", seen: list[str] | None = None
) -> tuple[list[dict[str, Any]], RowCounts]:
    table = pa.table({"body": [json.dumps(page) for page in pages], "observed_at": [NOW] * len(pages)})
    rows, counts = listing_rows(table, LISTINGS[repo_type], WEEK, seen or [])
    assert rows.schema == LISTINGS[repo_type].schema
    return rows.to_pylist(), counts


WHOLE = {
    "_id": "66944f1fe0c5c2e493a804f5",
    "id": "meta-llama/Llama-3.1-8B",
    "author": "meta-llama",
    "createdAt": "2024-07-14T22:20:15.000Z",
    "lastModified": "2024-10-16T22:00:37.000Z",
    "sha": "d04e592bb4f6aa9cfee91e2e20afa771667e1d4b",
    "private": False,
    "gated": "manual",
    "disabled": False,
    "likes": 2579,
    "downloads": 607450,
    "downloadsAllTime": 28272325,
    "trendingScore": 21,
    "tags": ["transformers", "license:llama3.1"],
    "pipeline_tag": "text-generation",
    "library_name": "transformers",
    "safetensors": {"parameters": {"BF16": 8030261248}, "total": 8030261248},
    "cardData": {"license": "llama3.1"},
    "baseModels": {"relation": "finetune", "models": [{"_id": "66944f1fe0c5c2e493a804f4", "id": "meta-llama/Old"}]},
    "config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "gguf": {"total": 8030261312, "architecture": "llama", "context_length": 131072},
}


def test_recorded_row_is_converted_completely() -> None:
    (row,), counts = rows_of([WHOLE])
    assert row == WHOLE | {
        "snapshot_date": WEEK,
        "observed_at": NOW,
        "createdAt": datetime(2024, 7, 14, 22, 20, 15),
        "lastModified": datetime(2024, 10, 16, 22, 0, 37),
        "safetensors": {"total": 8030261248, "parameters": [("BF16", 8030261248)]},
        "cardData": '{"license":"llama3.1"}',
        "baseModels": '{"relation":"finetune","models":[{"_id":"66944f1fe0c5c2e493a804f4","id":"meta-llama/Old"}]}',
        "config": '{"architectures":["LlamaForCausalLM"],"model_type":"llama"}',
        "gguf": '{"total":8030261312,"architecture":"llama","context_length":131072}',
        "extra": None,
    }
    assert counts == RowCounts(listed=1)


def test_type_mismatches_are_kept_in_extra_and_counted() -> None:
    odd = {"likes": "many", "createdAt": "soon", "tags": "none", "safetensors": {"total": 1e30}, "xetEnabled": True}
    (row,), counts = rows_of([WHOLE | odd])
    assert (row["likes"], row["createdAt"], row["tags"]) == (None, None, None)
    assert json.loads(row["extra"]) == odd
    assert counts.type_mismatches == {"likes": 1, "createdAt": 1, "tags": 1, "safetensors": 1}
    assert counts.unknown_fields == {"xetEnabled": 1}


def test_tags_that_are_not_text() -> None:
    (row,), counts = rows_of([WHOLE | {"tags": ["a", 5, None, "b"]}])
    assert row["tags"] == ["a", "5", "b"]
    assert counts.odd_items == {"tags": 2}


def test_rows_without_a_key_are_recorded() -> None:
    without_key = {"id": "somebody/something", "likes": 1}
    rows, counts = rows_of([without_key, WHOLE, 7, {"_id": "abc"}])
    assert [row["_id"] for row in rows] == [WHOLE["_id"]]
    assert (counts.listed, counts.without_id, counts.duplicates) == (4, 3, 0)
    assert [json.loads(reject) for reject in counts.rejects] == [without_key, 7, {"_id": "abc"}]


def test_missing_field_is_null_and_counted_but_null_is_not_counted() -> None:
    unobserved = {key: value for key, value in WHOLE.items() if key not in ("likes", "tags")}
    rows, counts = rows_of([unobserved, WHOLE | {"_id": "2", "pipeline_tag": None}])
    assert (rows[0]["likes"], rows[0]["tags"], rows[1]["pipeline_tag"]) == (None, None, None)
    assert counts.not_observed == {"likes": 1, "tags": 1}
    assert not counts.type_mismatches


def test_first_of_two_rows_with_the_same_key_is_kept(tmp_path: Path) -> None:
    again = WHOLE | {"likes": 3000}
    rows, counts = rows_of([WHOLE], [again, WHOLE | {"_id": "2"}])
    assert [(row["_id"], row["likes"]) for row in rows] == [(WHOLE["_id"], 2579), ("2", 2579)]
    assert counts.duplicates == 1
    part = tmp_path / "part.parquet"
    pq.write_table(pa.table({"_id": ["2"]}), part)
    rows, counts = rows_of([WHOLE, WHOLE | {"_id": "2"}], seen=[str(part)])
    assert [row["_id"] for row in rows] == [WHOLE["_id"]]
    assert counts.duplicates == 1


def test_id_without_namespace_and_space() -> None:
    (row,), _ = rows_of([{"_id": "1", "id": "gpt2"}])
    assert row["id"] == "gpt2"
    space = {"_id": "1", "id": "a/b", "sdk": "gradio", "models": ["gpt2"], "runtime": {"stage": "RUNNING"}}
    (row,), _ = rows_of([space], repo_type="space")
    assert (row["models"], json.loads(row["runtime"])) == (["gpt2"], {"stage": "RUNNING"})


def test_unpaired_surrogate_does_not_stop_a_listing() -> None:
    (row,), counts = rows_of([WHOLE | {"author": "x\ud800y"}])
    assert row["author"] == "x?y"
    assert row["likes"] == WHOLE["likes"]
    assert counts.mended_pages == 1


def test_huge_numbers_and_nul_characters() -> None:
    (row,), counts = rows_of([WHOLE | {"likes": 10**30, "author": "x\x00y"}])
    assert (row["likes"], row["author"]) == (None, "x\x00y")
    assert json.loads(row["extra"]) == {"likes": 10**30}
    assert counts.type_mismatches == {"likes": 1}


ODD_VALUES: dict[str, tuple[object, ...]] = {
    "likes": (-5, -1, 10**15 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 1.5, True, "many", [3], {"n": 3}, -0.5),
    "downloads": (-1, 2**63 - 1),
    "downloadsAllTime": (-1, 10**16),
    "trendingScore": (True, "much", 10**400, [1]),
    "createdAt": (
        *("infinity", "-infinity", "epoch", "now", "today", "soon", "", 20240101, 1.5e9, {"$date": 0}),
        *("12000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "0044-03-15 (BC)", "-0044-03-15T00:00:00.000Z"),
        *("+12000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2024-02-30T00:00:00Z"),
        *("294247-01-10T04:00:54.775807Z", "2024-13-01T00:00:00.000Z", "2024-01-01T25:00:00Z"),
    ),
    "lastModified": ("infinity", "10000-01-01T00:00:00.000Z"),
    "safetensors": (
        *({"total": -1}, {"total": 10**16}, {"total": 7, "parameters": {"BF16": -7}}, {"parameters": {"F8": "many"}}),
        *({"parameters": {"F8": 10**30, "F16": 3}}, {"parameters": [1]}, {"total": True}, [], "none", 5),
        {"total": -1, "parameters": None, "sharded": {"a": None}},
    ),
    "private": ("perhaps", [True]),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD_VALUES.items() for value in values])
def test_impossible_value_is_null_kept_in_extra_and_counted(name: str, value: object) -> None:
    (row, ordinary), counts = rows_of([WHOLE | {name: value}, WHOLE | {"_id": "2"}])
    if isinstance(row[name], dict):
        assert None in (row[name]["total"], row[name]["parameters"], *dict(row[name]["parameters"] or []).values())
    else:
        assert row[name] is None
    assert json.loads(row["extra"]) == {name: value}
    assert counts.type_mismatches == {name: 1}
    assert (ordinary["extra"], ordinary[name] is None) == (None, False)


@pytest.mark.parametrize("count", [0, 1, 999_999_999_999, 10**12, 10**12 + 1, 10**15 - 1, 10**15, 5.0, 1e12])
def test_counts_up_to_the_limit_are_kept(count: float) -> None:
    counted = dict.fromkeys(("likes", "downloads", "downloadsAllTime"), count)
    (row,), counts = rows_of([WHOLE | counted | {"safetensors": {"total": count, "parameters": {"I64": count}}}])
    assert {name: row[name] for name in counted} == counted
    assert row["safetensors"] == {"total": count, "parameters": [("I64", count)]}
    assert (row["extra"], counts.type_mismatches) == (None, {})
    (row,), _ = rows_of([{"_id": "1", "id": "a/b", "mainSize": count}], repo_type="dataset")
    assert row["mainSize"] == count


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0001-01-01T00:00:00.000Z", datetime(1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999)),
        ("2024-02-29T12:00:00+02:00", datetime(2024, 2, 29, 10)),
        ("2024-02-29T12:00:00", datetime(2024, 2, 29, 12)),
        ("2024-02-29", datetime(2024, 2, 29)),
    ],
)
def test_timestamps_are_stored_in_utc(text: str, moment: datetime) -> None:
    (row,), counts = rows_of([WHOLE | {"createdAt": text}])
    assert (row["createdAt"], row["extra"], counts.type_mismatches) == (moment, None, {})


def test_values_in_extra_keep_their_nulls() -> None:
    odd = {"likes": {"a": None, "b": [None]}, "new": {"c": None}}
    (row,), _ = rows_of([WHOLE | odd])
    assert json.loads(row["extra"]) == odd


def test_an_empty_listing() -> None:
    rows, counts = rows_of([])
    assert (rows, counts) == ([], RowCounts())


def test_counts_add_up_and_survive_json() -> None:
    _, one = rows_of([WHOLE | {"x": 1}, {"id": "q"}])
    _, two = rows_of([WHOLE | {"x": 1, "likes": "?"}])
    both = RowCounts.of_json(json.loads(json.dumps((one + two).to_json())))
    assert (both.listed, both.without_id, both.unknown_fields, both.type_mismatches) == (3, 1, {"x": 2}, {"likes": 1})
    assert isinstance(both + one, RowCounts)


def pages_of(*bodies: str) -> pa.Table:
    return pa.table({"body": pa.array(bodies, pa.string()), "observed_at": [NOW] * len(bodies)})


UNREADABLE = ("\ufffd\ufffd[\x00{\x00", "<html>", "", "{}", '"text"', "[{]", "[1,", "null", "\ufeff")


@pytest.mark.parametrize("body", UNREADABLE)
def test_unparsable_page_is_set_aside_counted_and_recorded(body: str) -> None:
    pages = pages_of(json.dumps([WHOLE]), body, json.dumps([WHOLE | {"_id": "2"}, WHOLE]))
    rows, counts = listing_rows(pages, LISTINGS["model"], WEEK)
    assert rows["_id"].to_pylist() == [WHOLE["_id"], "2"]
    assert (counts.listed, counts.duplicates, counts.set_aside) == (4, 1, 1)
    assert counts.rejects == [body]
    rows, counts = listing_rows(pages_of(body), LISTINGS["model"], WEEK)
    assert (len(rows), counts.listed, counts.set_aside) == (0, 1, 1)
    assert rows.schema == LISTINGS["model"].schema


def test_byte_order_mark_is_ignored() -> None:
    rows, counts = listing_rows(pages_of("\ufeff" + json.dumps([WHOLE])), LISTINGS["model"], WEEK)
    assert rows["_id"].to_pylist() == [WHOLE["_id"]]
    assert counts == RowCounts(listed=1)


TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "2024-01-01T00:00:00Z", "infinity", "NaN", "1e999", "-1", "\x00", "\ud800", "\U0001f600", "$.a"]
    ),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([-5, 2**63, 2**64, 10**15, 10**15 + 1, 10**400, -(10**30), 1e300, 5e-324, 0.5, -0.0]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def listed_row(repo_type: RepoType) -> st.SearchStrategy[Any]:
    """Return a strategy that draws arbitrary values, and rows with a key and some odd fields."""
    names = st.sampled_from([*LISTINGS[repo_type].fields, "new"])
    safetensors = st.fixed_dictionaries({}, optional={"total": VALUES, "parameters": VALUES, "sharded": VALUES})
    odd = st.dictionaries(names, VALUES, max_size=4)
    keyed = st.builds(
        lambda key, fields, weights: {"_id": key, "id": f"a/{key}"} | fields | weights,
        st.sampled_from("abcdef"),
        odd,
        st.one_of(st.just({}), st.builds(lambda value: {"safetensors": value}, safetensors)),
    )
    return st.one_of(keyed, keyed, VALUES)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(REPO_TYPES))
def test_counts_add_up_and_rows_can_be_read_back_for_any_page(data: st.DataObject, repo_type: RepoType) -> None:
    pages = data.draw(st.lists(st.lists(listed_row(repo_type), max_size=4), min_size=1, max_size=3))
    texts = [bodies.written(page, is_plain=False).decode() for page in pages]
    rows, counts = listing_rows(pages_of(*texts), LISTINGS[repo_type], WEEK)
    assert counts.listed == sum(map(len, pages)) == len(rows) + counts.duplicates + counts.without_id
    assert counts.set_aside == 0
    with BytesIO() as file:
        pq.write_table(rows, file)
        written = pq.read_table(file).to_pylist()
    assert len(written) == len(rows)
    listed: dict[str, Any] = {}
    for row in (row for page in pages for row in page if isinstance(row, dict)):
        if isinstance(row.get("_id"), str) and isinstance(row.get("id"), str):
            listed.setdefault(row["_id"], row)
    for row in written:
        said = listed.get(row["_id"], {})
        extra = json.loads(row["extra"] or "{}")
        assert all(0 <= row[name] <= GREATEST_COUNT for name in ("likes", "downloads") if row.get(name) is not None)
        for name in LISTINGS[repo_type].fields:
            assert row[name] is not None or said.get(name) is None or name in extra, name
