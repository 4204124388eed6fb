"""Building and searching an index: filters, ranking, incremental builds, and arbitrary user input."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.search.documents import meanings_of
from hub_assets.search.embedders import CHOICE, EmbedderError, available_embedder
from hub_assets.search.filters import Filters, mask_of
from hub_assets.search.index import METHODS, Index, IndexMissing, UnknownRepository, build
from hub_assets.search.lexical import Lexical, write
from hub_assets.search.vectors import Semantic, Stored, quantized
from hub_assets.search.vectors import write as write_vectors
from hub_assets_tests.search.made import WordVectors, documents

CARDS = documents(
    {"repo_id": "ada/speech-small", "card_text": "Transcribes Welsh speech to text.", "downloads": 5, "likes": 1},
    {"repo_id": "ada/birds", "card_text": "Recognizes birds in photographs.", "downloads": 50, "languages": ["en"]},
    {"repo_id": "bob/welsh-lm", "card_text": "A language model of Welsh.", "downloads": 9, "languages": ["cy", "en"]},
    {"repo_id": "bob/llama-copy", "has_card": False, "downloads": 100, "task": "text-generation"},
    {"repo_id": "ada/speech-set", "repo_type": "dataset", "card_text": "Recordings of Welsh speech.", "likes": 3},
)


def built(folder: Path, **options: Any) -> Index:
    embedder = WordVectors()
    build(CARDS, folder, embedder=embedder, **options)
    return Index.open(folder, embedder=embedder)


def test_search_finds_words_meaning_and_names(tmp_path: Path) -> None:
    index = built(tmp_path / "index")
    for method in METHODS:
        hits = index.search("speech in Welsh", repo_type="model", k=2, method=method)
        assert [hit.repo_id for hit in hits] == ["ada/speech-small", "bob/welsh-lm"], method
    [hit] = index.search("recordings", repo_type="dataset", k=1)
    assert (hit.repo_id, hit.has_card, hit.snippet) == ("ada/speech-set", True, "Recordings of Welsh speech.")


def test_a_word_counts_once_however_it_is_written(tmp_path: Path) -> None:
    index = built(tmp_path / "index")
    once = index.search("speech model", repo_type="model", k=4, method="lexical")
    for text in (
        "speech model speech",
        "Speech, models: speech_model!",
        "speech model \u0939\u093f\u0928\u094d\u0926\u0940",
    ):
        assert index.search(text, repo_type="model", k=4, method="lexical") == once
    assert once


def test_a_repository_without_a_card_is_found_by_name(tmp_path: Path) -> None:
    index = built(tmp_path / "index")
    for query, method in itertools.product(("bob/llama-copy", " BOB/Llama-Copy", "llama-copy"), METHODS):
        hit = index.search(query, repo_type="model", k=1, method=method)[0]
        assert (hit.repo_id, hit.has_card, hit.snippet) == ("bob/llama-copy", False, "")
    assert "bob/llama-copy" in [hit.repo_id for hit in index.search("a copy of llama", repo_type="model", k=4)]
    hits = index.search("llama-copy", repo_type="model", k=9, filters=Filters(namespace="ada"))
    assert "bob/llama-copy" not in [hit.repo_id for hit in hits]
    assert len(hits) == len({hit.repo_id for hit in hits})


def test_similar_repositories_exclude_the_repository_itself(tmp_path: Path) -> None:
    index = built(tmp_path / "index")
    hits = index.similar("ada/speech-small", repo_type="model", k=2)
    assert [hit.repo_id for hit in hits] == ["bob/welsh-lm", "ada/birds"]
    [hit] = index.similar("ada/speech-small", repo_type="model", k=9, filters=Filters(namespace="bob"))
    assert hit.repo_id == "bob/welsh-lm"
    # without a vector, repositories that share a word match: "text" in the task, "bob" in the id
    hits = index.similar("bob/llama-copy", repo_type="model", k=9)
    assert {hit.repo_id for hit in hits} == {"ada/speech-small", "bob/welsh-lm"}
    with pytest.raises(UnknownRepository, match="no model ada/unknown"):
        index.similar("ada/unknown", repo_type="model", k=1)


def test_without_an_embedder_only_words_are_searched(tmp_path: Path) -> None:
    summary = build(CARDS, tmp_path / "index")
    assert (summary.n_documents, summary.n_with_card, summary.n_with_vector) == (5, 4, 0)
    index = Index.open(tmp_path / "index")
    found = [
        [hit.repo_id for hit in index.search("Welsh speech", repo_type="model", k=9, method=method)]
        for method in METHODS
    ]
    assert found == [["ada/speech-small", "bob/welsh-lm"]] * 3
    assert [hit.repo_id for hit in index.similar("ada/speech-small", repo_type="model", k=1)] == ["bob/welsh-lm"]


def test_another_embedder_cannot_use_the_vectors(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(CARDS, folder, embedder=WordVectors())
    other = WordVectors("another")
    assert Index.open(folder, embedder=other).search("Welsh", repo_type="model", k=1, method="semantic")
    assert other.texts == []


def test_only_new_texts_are_embedded(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    assert build(CARDS, first, embedder=WordVectors()).n_embedded == 4
    changed = CARDS.set_column(
        CARDS.column_names.index("card_text"),
        "card_text",
        [[text and text.replace("birds", "fish") for text in CARDS["card_text"].to_pylist()]],
    )
    embedder = WordVectors()
    summary = build(changed, second, previous=first, embedder=embedder)
    assert (summary.n_embedded, summary.n_with_vector) == (1, 4)
    assert embedder.texts == ["birds. Recognizes fish in photographs."]
    whole = tmp_path / "whole"
    build(changed, whole, embedder=WordVectors())
    for repo_type, name in itertools.product(("model", "dataset"), ("rows", "vectors", "scales")):
        one, other = (np.load(folder / repo_type / "vectors" / f"{name}.npy") for folder in (second, whole))
        np.testing.assert_array_equal(one, other)
    assert build(CARDS, third, previous=first, embedder=WordVectors("another")).n_embedded == 4


def test_types_share_a_limit_the_most_downloaded_come_first_and_later_builds_continue(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    embedder = WordVectors()
    summary = build(CARDS, first, embedder=embedder, most_embedded=2)
    assert (summary.n_embedded, summary.n_with_vector) == (2, 2)
    assert [text.partition(".")[0] for text in embedder.texts] == ["speech set", "birds"]
    summary = build(CARDS, second, previous=first, embedder=WordVectors(), most_embedded=9)
    assert (summary.n_embedded, summary.n_with_vector) == (2, 4)


def test_a_type_with_many_documents_leaves_room_for_the_others(tmp_path: Path) -> None:
    many = documents(
        *(
            {"repo_id": f"ada/{kind}-{n}", "repo_type": kind, "card_text": f"Text {n}.", "downloads": n}
            for kind, number in (("model", 9), ("dataset", 8), ("space", 1))
            for n in range(number)
        )
    )
    embedder = WordVectors()
    assert build(many, tmp_path / "index", embedder=embedder, most_embedded=7).n_embedded == 7
    kinds = [text.split("-")[0].split()[0] for text in embedder.texts]
    assert {kind: kinds.count(kind) for kind in kinds} == {"space": 1, "dataset": 3, "model": 3}


def test_an_interrupted_build_leaves_the_old_index(tmp_path: Path) -> None:
    class Broken(WordVectors):
        def embed(self, texts: Sequence[str]) -> Any:
            raise RuntimeError(f"no power for {len(texts)} texts")

    folder = tmp_path / "index"
    built(folder)
    with pytest.raises(RuntimeError, match="no power"):
        build(CARDS, folder, embedder=Broken())
    assert Index.open(folder, embedder=WordVectors()).search("birds", repo_type="model", k=1, method="semantic")
    build(CARDS, folder, embedder=WordVectors())
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_missing_index_gives_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no search index in"):
        Index.open(tmp_path)


def test_an_empty_table_can_be_searched(tmp_path: Path) -> None:
    build(CARDS.slice(0, 0), tmp_path / "index", embedder=WordVectors())
    index = Index.open(tmp_path / "index", embedder=WordVectors())
    assert [index.search("x", repo_type="model", k=3, method=method) for method in METHODS] == [[]] * 3


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return built(tmp_path_factory.mktemp("search") / "index")


@given(st.text(max_size=300), st.sampled_from(METHODS))
@settings(max_examples=60)
def test_any_text_is_a_query(index: Index, text: str, method: Any) -> None:
    assert len(index.search(text, repo_type="model", k=3, method=method)) <= 3


@pytest.mark.parametrize("query", ['task:"x', "speech AND", "NOT speech", "+-speech^9", "/s.*/", "[a TO", "row:0"])
def test_a_query_has_no_operators(index: Index, query: str) -> None:
    plain = " ".join(re.findall(r"\w+", query))
    hits = [index.search(text, repo_type="model", k=9, method="lexical") for text in (query, plain.lower())]
    assert hits[0] == hits[1]


_WORD = st.sampled_from(["a", "b b", "C", "text-generation"])
_NUMBER = st.integers(0, 3)
ROW = st.fixed_dictionaries(
    {
        **{name: st.none() | _WORD for name in ("task", "library", "license_group", "namespace")},
        "languages": st.none() | st.lists(_WORD, max_size=3),
        **{name: st.none() | _NUMBER for name in ("n_parameters", "likes", "downloads")},
        "has_card": st.none() | st.booleans(),
    }
)
FILTERS = st.builds(
    Filters,
    **{name: st.none() | _WORD for name in ("task", "library", "license_group", "namespace", "language")},
    **{name: st.none() | _NUMBER for name in ("min_params", "max_params", "min_likes", "min_downloads")},
    has_card=st.none() | st.booleans(),
)


def meets(row: dict[str, Any], filters: Filters) -> bool:
    """Return whether a document meets the filters, in plain Python."""
    equal = ("task", "library", "license_group", "namespace", "has_card")
    low = {"min_params": "n_parameters", "min_likes": "likes", "min_downloads": "downloads"}
    return (
        all(getattr(filters, name) in (None, row[name]) for name in equal)
        and (filters.language is None or filters.language in (row["languages"] or []))
        and all(
            getattr(filters, name) is None or (row[column] is not None and row[column] >= getattr(filters, name))
            for name, column in low.items()
        )
        and (
            filters.max_params is None
            or (row["n_parameters"] is not None and row["n_parameters"] <= filters.max_params)
        )
    )


@pytest.mark.slow
@given(st.lists(ROW, min_size=1, max_size=12), st.lists(FILTERS, min_size=1, max_size=8))
@settings(max_examples=40)
def test_filters_mean_the_same_for_words_and_vectors(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], asked: list[Filters]
) -> None:
    table = documents(*(row | {"repo_id": f"n/{number}", "card_text": "same"} for number, row in enumerate(rows)))
    folder = tmp_path_factory.mktemp("filters") / "words"
    write(table, folder)
    words = Lexical.open(folder)
    for filters in asked:
        expected = [number for number, row in enumerate(rows) if meets(row, filters)]
        mask = mask_of(filters, table)
        assert (list(range(len(rows))) if mask is None else np.flatnonzero(mask).tolist()) == expected
        assert sorted(row for row, _ in words.search("same", filters, 99)) == expected


@given(st.integers(1, 200), st.integers(1, 20), st.floats(0, 1), st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_scan_is_exact(
    tmp_path_factory: pytest.TempPathFactory, number: int, limit: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = quantized(rng.normal(size=(number, 48)).astype(np.float32))
    rows = np.sort(rng.choice(3 * number, number, replace=False))
    folder = tmp_path_factory.mktemp("scan") / "vectors"
    write_vectors(folder, Stored(rows, np.zeros(number, np.uint64), values))
    asked = quantized(rng.normal(size=(1, 48)).astype(np.float32))[0]
    mask = rng.random(3 * number) < share
    floats = values.astype(np.float64)
    cosines = floats @ asked / np.linalg.norm(floats, axis=1) / np.linalg.norm(asked.astype(np.float64))
    found = Semantic.open(folder).search(asked, mask, limit)
    expected = sorted(((-cosine, row) for row, cosine in zip(rows, cosines, strict=True) if mask[row]))[:limit]
    assert len(found) == len(expected)
    np.testing.assert_allclose([score for _, score in found], [-cosine for cosine, _ in expected], atol=1e-5)
    assert Semantic.open(folder).cosines(asked, rows[:5]) == pytest.approx(
        dict(zip(rows[:5], cosines[:5], strict=True)), abs=1e-5
    )


def test_the_text_to_embed_contains_name_facts_and_card() -> None:
    row = {"repo_id": "a/big-bert_2", "task": "fill-mask", "tags": ["medical", "bert"], "card_text": "Reads notes."}
    assert meanings_of(documents(row)).to_pylist() == ["big bert 2. fill mask medical bert. Reads notes."]
    assert meanings_of(documents({"repo_id": "a/b"})).to_pylist() == [None]


def test_an_embedder_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "hub_assets_tests.search.made:WordVectors")
    chosen = available_embedder()
    assert chosen is not None
    assert chosen.name == "word vectors"
    monkeypatch.setenv(CHOICE, "none")
    assert available_embedder() is None
    monkeypatch.setenv(CHOICE, "hub_assets_tests.search.made")
    with pytest.raises(EmbedderError, match="set it to module:function"):
        available_embedder()


def test_the_limit_cuts_equal_vectors_in_row_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    places = rng.integers(0, 5, 2_000)  # five distinct vectors
    vectors = quantized(rng.standard_normal((5, 16)).astype(np.float32))
    write_vectors(tmp_path / "vectors", Stored(np.arange(2_000), np.zeros(2_000, np.uint64), vectors[places]))
    opened = Semantic.open(tmp_path / "vectors")
    equal = np.flatnonzero(places == 0).tolist()
    for limit in (1, 7, 100):
        assert [row for row, _ in opened.search(vectors[0], None, limit)] == equal[:limit]
