"""Cards are read once per `sha`, the most used first, next to API calls, and nothing in them is markup afterwards."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.hub.collect.budget import calls_left
from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.collect.selection import EVERYTHING, Selection
from hub_assets.hub.sources import commits, response_tables
from hub_assets.hub.sources.cards import CARD_BYTES, NAME, TABLE, TEXT, contents_of, paragraphs_of
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import simulated
from hub_assets_tests.hub.made import PLENTY, WEEK, listed, rows, served, sha
from hub_assets_tests.hub.tables import plan_of

NEXT_WEEK = WEEK + timedelta(weeks=1)
CARD = """# Small model

[![Badge](https://img.shields.io/x.svg)](https://example.org) ![logo](logo.png "A logo")

<div align="center"><b>Reads</b> *Welsh* with `bert_base` and [a corpus](https://example.org/corpus).</div>
<!-- a comment -->

| a | table |
|---|---|

```python
import evil
```

Write to jane.doe@example.org, or see https://example.org.

- one
- two
"""


def hub(week: date, shas: dict[str, str] | None = None) -> Population:
    """Return a Hub with three models, of which `b` is used most, a dataset, and a Space without a source of cards."""
    now = {"a": sha(1), "b": sha(2), "c": sha(3)} | (shas or {})
    models = pa.table(
        {
            "_id": ["1", "2", "3"],
            "id": ["lab/a", "lab/b", "c"],
            "sha": list(now.values()),
            "downloads": [5, 50, None],
            "likes": [1, 0, 9],
            "gated": ["false", "false", "manual"],
            "cardData": ['{"license":"mit","language":["cy","en"],"pipeline_tag":"fill-mask"}', None, None],
            "card": [CARD, None, "secret"],
        }
    )
    datasets = pa.table({"_id": ["4"], "id": ["lab/data"], "sha": [sha(4)], "card": ["Sentences.\n\nMany."]})
    spaces = pa.table({"_id": ["9"], "id": ["lab/space"], "sha": [sha(9)]})
    return Population("made", week, {"model": models, "dataset": datasets, "space": spaces})


def asked(lake: Lake, week: date, selection: Selection = EVERYTHING) -> list[str]:
    return [question.repo_id for question in plan_of(lake, TABLE, week, selection)]


def test_cards_are_read_the_most_used_first_and_only_again_when_their_sha_changes(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with served(build_app(hub(WEEK), quota=PLENTY)) as client:
        listed(client, lake)
        assert asked(lake, WEEK) == ["lab/data", "lab/b", "lab/space", "lab/a", "c"]
        assert asked(lake, WEEK, selection=Selection(("model",), top=1)) == ["lab/b"]
        assert asked(lake, WEEK, selection=Selection(ids=("c",))) == ["c"]
        # two requests for the dataset's card and its redirect, one for the model without a card
        land(client, lake, TABLE, WEEK, budget=Budget(3), workers=1)
        assert asked(lake, WEEK) == ["lab/space", "lab/a", "c"]
        land(client, lake, TABLE, WEEK)
        assert asked(lake, WEEK) == []
    found = {row["repo_id"]: row for row in rows(lake, NAME)}
    assert {repo_id: (row["outcome"], row["error_code"]) for repo_id, row in found.items()} == {
        "lab/data": ("ok", None),
        "lab/b": ("gone", "EntryNotFound"),
        "lab/space": ("not_asked", None),
        "lab/a": ("ok", None),
        "c": ("gated", "GatedRepo"),
    }
    card = {name: found["lab/a"][name] for name in ("sha", "licenses", "languages", "datasets", "tasks")}
    assert card == {
        "sha": sha(1),
        "licenses": ["mit"],
        "languages": ["cy", "en"],
        "datasets": [],
        "tasks": ["fill-mask"],
    }
    with served(build_app(hub(NEXT_WEEK, {"a": sha(7)}), quota=PLENTY)) as client:
        listed(client, lake, NEXT_WEEK)
        assert asked(lake, NEXT_WEEK) == ["lab/a"]
        assert asked(lake, NEXT_WEEK, selection=Selection(recheck_weeks=1)) == ["lab/a", "c"]
        land(client, lake, TABLE, NEXT_WEEK)
    assert [(row["repo_id"], row["sha"]) for row in rows(lake, NAME, NEXT_WEEK)] == [("lab/a", sha(7))]


def test_a_huge_card_is_read_in_part(tmp_path: Path) -> None:
    population = hub(WEEK)
    text = "word " * CARD_BYTES
    repos = population.repos["model"]
    population.repos["model"] = repos.with_change(0, {"card": text, "cardData": None})
    with served(build_app(population, quota=PLENTY), answer_megabytes=0.5) as client:
        answer = client.within("resolvers").card(f"/lab/a/resolve/{sha(1)}/README.md", CARD_BYTES)
    assert answer.text == text[:CARD_BYTES]
    assert answer.calls == 2


@pytest.mark.slow
def test_cards_and_api_calls_keep_to_their_own_limits(tmp_path: Path) -> None:
    quota, resolvers = Quota(40, 2), Quota(110, 2)
    app = build_app(simulated(WEEK, scale=0.0004), quota=quota, resolvers=resolvers)
    lake = Lake(tmp_path)
    with served(app) as client, ThreadPoolExecutor(2) as pool:
        listed(client, lake)
        began = time.monotonic()
        landed = [
            pool.submit(land, client, lake, commits.TABLE, WEEK, Selection(("model",)), budget=Budget(110)),
            pool.submit(land, client, lake, TABLE, WEEK, Selection(("model",)), budget=Budget(280)),
        ]
        details = [each.result().details for each in landed]
        seconds = time.monotonic() - began
    assert app.state.counters.throttled == 0
    assert [each["throttled"] for each in details] == [0, 0]
    assert details[0]["calls"] >= 100
    assert details[1]["calls"] >= 200
    # with a window in common, 300 calls at 40 per 2 s would have taken 13 s
    assert seconds < 12
    assert client.pacer.estimate.quota == quota.calls
    assert client.within("resolvers").pacer.estimate.quota == resolvers.calls


def test_simulated_datasets_and_spaces_have_cards_that_say_what_they_are_for(tmp_path: Path) -> None:
    population, lake = simulated(WEEK, scale=0.0004), Lake(tmp_path)
    with served(build_app(population, quota=PLENTY)) as client:
        listed(client, lake)
        land(client, lake, TABLE, WEEK, Selection(("dataset", "space")))
    found = rows(lake, NAME)
    assert {(row["repo_type"], row["outcome"]) for row in found} >= {
        (repo_type, outcome) for repo_type in ("dataset", "space") for outcome in ("ok", "gone")
    }
    assert not [row for row in found if row["outcome"] == "not_asked"]
    cards = {(row["repo_type"], row["repo_id"]): row for row in found if row["outcome"] == "ok"}
    n_declared = n_named = 0
    for (repo_type, repo_id), card in cards.items():
        repos = population.repos[repo_type]
        position = repos.find(repo_id)
        assert position is not None
        tags = repos.value("tags", position)
        if repo_type == "dataset":
            assert card["text"].startswith("Simulated sentences about ")
            for prefix, column in (("task_categories:", "tasks"), ("language:", "languages"), ("license:", "licenses")):
                assert card[column] == [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
            n_declared += bool(card["tasks"])
        else:
            assert card["text"].startswith("A simulated app that ")
            models = repos.value("models", position)
            assert all(f" {name}" in card["text"] for name in models[:2])
            assert (" It runs " in card["text"]) == bool(models)
            n_named += bool(models)
    assert n_declared
    assert n_named


def test_cards_take_no_api_calls_from_the_histories() -> None:
    tables = response_tables()
    assert calls_left(tables, TABLE, 1000, 0) == 250
    assert calls_left(tables, commits.TABLE, 1000, 0) == 500


def test_paragraphs_have_no_markup_addresses_or_code() -> None:
    assert paragraphs_of(CARD) == (
        "Small model\n\nReads Welsh with bert_base and a corpus .\n\nWrite to , or see\n\none two"
    ).replace(" .", ".")


@pytest.mark.parametrize(
    ("front", "declared"),
    [
        ("license: mit\nlanguage: cy", (["mit"], ["cy"], [], [])),
        ("language:\n- cy\n- en\ndatasets:\n  - a/b\n  - c", ([], ["cy", "en"], ["a/b", "c"], [])),
        ("pipeline_tag: fill-mask\ntask_categories: [x, fill-mask]", ([], [], [], ["fill-mask", "x", "fill-mask"])),
        ("license: mit\ntitle: 'unclosed\nlanguage: en", (["mit"], ["en"], [], [])),
        ("license: [[mit]]\nlanguage: {a: b}\ndatasets: 7", ([], [], ["7"], [])),
        ("license: !!python/object/apply:os.system ['true']", (["true"], [], [], [])),
        ("language: no\nlicense: null", ([], ["no"], [], [])),
        ("language: &a [*a]", ([], [], [], [])),
        ("model-index:\n  license: mit", ([], [], [], [])),
    ],
)
def test_declared_fields_are_plain_words(front: str, declared: tuple[list[str], ...]) -> None:
    row = contents_of(f"---\n{front}\n---\nText")
    assert (row["licenses"], row["languages"], row["datasets"], row["tasks"]) == declared
    assert row["text"] == "Text"


PIECES = st.sampled_from(
    [
        "---\n",
        "```",
        "<a ",
        "<!--",
        "-->",
        "![",
        "](",
        "[x](y)",
        "https://",
        "@",
        "_",
        "*",
        "|",
        "\n",
        "\r\n",
        "license:",
        "&a",
        "é",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=80).map("".join))
def test_any_text_is_a_card(card: str) -> None:
    row = contents_of(card)
    assert len(row["text"] or "") <= TEXT
    assert "\0" not in (row["text"] or "")
    assert all(isinstance(word, str) for name in ("licenses", "languages", "datasets", "tasks") for word in row[name])


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "</script ",
        "<script ",
        "[",
        "![",
        "[x](",
        "](",
        "`",
        "```\n",
        "_",
        "*",
        "@",
        "a@",
        "a.",
        "-",
        "- \n",
        "|\n",
        " ",
        "\n",
        "\n ",
        "---\n",
        "license:\n ",
        "license: [",
        "&a ",
        "https://",
    ],
)
def test_hostile_cards_take_little_time(piece: str) -> None:
    for card in (piece * (CARD_BYTES // len(piece)), f"---\n{piece * (CARD_BYTES // len(piece) - 9)}\n---\n"):
        began = time.process_time()
        contents_of(card)
        assert time.process_time() - began < 2


def test_real_cards_keep_their_prose(real_data: Path) -> None:
    cards = pq.read_table(real_data / "cards" / "cards.parquet", columns=["text"])["text"].to_pylist()
    kept = [paragraphs_of(text) for text in cards]
    assert all(kept)
    assert not any(mark in text for text in kept for mark in ("```", "](http", "<img", "<!--"))
