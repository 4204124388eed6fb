"""From listing pages to rows: what fits is typed, what does not is kept and counted, nothing is doubled."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.hub.rows import RowCounts, listing_rows
from hub_assets.hub.schemas import RepoType, listing_schema

WEEK = date(2026, 8, 24)
NOW = datetime(2026, 8, 24, 6, 30)


def rows_of(
    *pages: list[Any], repo_type: RepoType = "model", seen: list[str] | None = None
) -> tuple[list[dict[str, Any]], RowCounts]:
    table = pa.table({"body": [json.dumps(page) for page in pages], "observed_at": [NOW] * len(pages)})
    rows, counts = listing_rows(table, repo_type, WEEK, seen or [])
    assert rows.schema == listing_schema(repo_type)
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


def test_a_recorded_row_comes_out_whole() -> None:
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


def test_what_does_not_fit_is_kept_in_extra_and_counted() -> None:
    odd = {"likes": "many", "createdAt": "soon", "tags": "none", "safetensors": {"total": 1e30}, "xetEnabled": True}
    (row,), counts = rows_of([WHOLE | odd])
    assert (row["likes"], row["createdAt"], row["tags"]) == (None, None, None)
    assert json.loads(row["extra"]) == odd
    assert counts.misfits == {"likes": 1, "createdAt": 1, "tags": 1, "safetensors": 1}
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


def test_a_field_that_was_not_observed_is_null_and_counted_a_null_is_not() -> None:
    unobserved = {key: value for key, value in WHOLE.items() if key not in ("likes", "tags")}
    rows, counts = rows_of([unobserved, WHOLE | {"_id": "2", "pipeline_tag": None}])
    assert (rows[0]["likes"], rows[0]["tags"], rows[1]["pipeline_tag"]) == (None, None, None)
    assert counts.not_observed == {"likes": 1, "tags": 1}
    assert not counts.misfits


def test_the_first_of_two_rows_with_one_key_stays(tmp_path: Path) -> None:
    again = WHOLE | {"likes": 3000}
    rows, counts = rows_of([WHOLE], [again, WHOLE | {"_id": "2"}])
    assert [(row["_id"], row["likes"]) for row in rows] == [(WHOLE["_id"], 2579), ("2", 2579)]
    assert counts.duplicates == 1
    part = tmp_path / "part.parquet"
    pq.write_table(pa.table({"_id": ["2"]}), part)
    rows, counts = rows_of([WHOLE, WHOLE | {"_id": "2"}], seen=[str(part)])
    assert [row["_id"] for row in rows] == [WHOLE["_id"]]
    assert counts.duplicates == 1


def test_an_id_of_one_part_and_a_space() -> None:
    (row,), _ = rows_of([{"_id": "1", "id": "gpt2"}])
    assert row["id"] == "gpt2"
    space = {"_id": "1", "id": "a/b", "sdk": "gradio", "models": ["gpt2"], "runtime": {"stage": "RUNNING"}}
    (row,), _ = rows_of([space], repo_type="space")
    assert (row["models"], json.loads(row["runtime"])) == (["gpt2"], {"stage": "RUNNING"})


def test_half_a_surrogate_pair_does_not_stop_a_listing() -> None:
    (row,), counts = rows_of([WHOLE | {"author": "x\ud800y"}])
    assert row["author"] == "x?y"
    assert row["likes"] == WHOLE["likes"]
    assert counts.mended_pages == 1


def test_numbers_beyond_belief_and_nul_characters() -> None:
    (row,), counts = rows_of([WHOLE | {"likes": 10**30, "author": "x\x00y"}])
    assert (row["likes"], row["author"]) == (None, "x\x00y")
    assert json.loads(row["extra"]) == {"likes": 10**30}
    assert counts.misfits == {"likes": 1}


def test_an_empty_listing() -> None:
    rows, counts = rows_of([])
    assert (rows, counts) == ([], RowCounts())


def test_counts_add_up_and_survive_json() -> None:
    _, one = rows_of([WHOLE | {"x": 1}, {"id": "q"}])
    _, two = rows_of([WHOLE | {"x": 1, "likes": "?"}])
    both = RowCounts.of_json(json.loads(json.dumps((one + two).to_json())))
    assert (both.listed, both.without_id, both.unknown_fields, both.misfits) == (3, 1, {"x": 2}, {"likes": 1})
    assert isinstance(both + one, RowCounts)
