"""Search quality. The default ranking was chosen on one half of the golden queries; the other half measures it."""

import json
from pathlib import Path

import numpy as np
import pytest

from hub_assets.search import index as search_index
from hub_assets.search.documents import meanings_of
from hub_assets.search.embedders import MiniLM
from hub_assets.search.index import METHODS, Index, Method, build
from hub_assets.search.vectors import quantized
from hub_assets_tests.search.evaluation import (
    Query,
    Scores,
    golden_documents,
    golden_queries,
    interval,
    ndcg,
    recall,
    scores,
)
from hub_assets_tests.search.reference import embed_in_fp32, weights_of_fp32

SAMPLE = 100
WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7)


def test_measures_agree_with_hand_computed_values() -> None:
    relevant = frozenset("ad")
    assert ndcg("abcd", relevant) == pytest.approx((1 + 1 / np.log2(5)) / (1 + 1 / np.log2(3)))
    assert ndcg("da", relevant) == 1
    assert ndcg("xyz", relevant) == 0
    assert recall("abcd", relevant) == 1
    assert recall("bcd" + "x" * 9, frozenset("dz")) == 0.5
    assert interval(np.full(20, 0.25)) == (0.25, 0.25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    made = tmp_path_factory.mktemp("quality") / "index"
    build(golden_documents(real_data / "cards"), made, embedder=MiniLM())
    return made


@pytest.fixture(scope="module")
def queries(real_data: Path) -> list[Query]:
    return golden_queries(real_data / "cards")


def of_method(folder: Path, queries: list[Query], method: Method | None) -> Scores:
    opened = Index.open(folder, embedder=MiniLM())
    return scores(
        queries,
        lambda query: [
            hit.repo_id for hit in opened.search(query.text, repo_type=query.repo_type, k=10, method=method)
        ],
    )


@pytest.mark.slow
def test_the_default_wins_on_held_out_queries(
    folder: Path, queries: list[Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    choosing, held_out = queries[::2], queries[1::2]
    chosen_by = {}
    for weight in WEIGHTS:
        monkeypatch.setattr(search_index, "WORDS", weight)
        chosen_by[weight] = of_method(folder, choosing, "fused").mean(axis=0)[0]
    monkeypatch.undo()
    assert max(chosen_by, key=lambda weight: chosen_by[weight]) == search_index.WORDS
    found = {method: of_method(folder, held_out, method) for method in METHODS}
    for name, half in (("choosing", choosing), ("held out", held_out)):
        for method in METHODS:
            values = of_method(folder, half, method)
            for column, measure in enumerate(("nDCG@10", "recall@10")):
                low, high = interval(values[:, column])
                print(f"{name} {method} {measure}: {values[:, column].mean():.3f} [{low:.3f}, {high:.3f}]")
    print("weights on the choosing half:", json.dumps({str(w): round(float(v), 3) for w, v in chosen_by.items()}))
    for other in ("lexical", "semantic"):
        for column, measure in enumerate(("nDCG@10", "recall@10")):
            paired = found["fused"][:, column] - found[other][:, column]
            low, high = interval(paired)
            print(f"held out fused minus {other} {measure}: {paired.mean():.3f} [{low:.3f}, {high:.3f}]")
    ndcgs = {method: values[:, 0] for method, values in found.items()}
    # fusion clearly beats words alone; against meaning alone, the interval of the difference includes 0
    assert interval(ndcgs["fused"] - ndcgs["lexical"])[0] > 0
    assert ndcgs["fused"].mean() > ndcgs["semantic"].mean()
    assert ndcgs["fused"].mean() > 0.5


@pytest.mark.slow
def test_int8_finds_what_fp32_finds(queries: list[Query], real_data: Path, tmp_path: Path) -> None:
    weights = weights_of_fp32(tmp_path)
    texts = meanings_of(golden_documents(real_data / "cards").slice(0, SAMPLE)).to_pylist()
    asked = [query.text for query in queries]
    embedder = MiniLM()
    tokens = embedder.tokens(texts), embedder.tokens(asked)
    exact_texts, exact_asked = (embed_in_fp32(weights, *each) for each in tokens)
    small_texts, small_asked = (quantized(embedder.embed(each)).astype(np.float32) for each in (texts, asked))
    small_texts /= np.linalg.norm(small_texts, axis=1, keepdims=True)
    exact, small = (
        np.argsort(-(one @ other.T), axis=1)[:, :10]
        for one, other in ((exact_asked, exact_texts), (small_asked, small_texts))
    )
    overlap = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, small, strict=True)])
    cosines = (exact_texts * embedder.embed(texts)).sum(axis=1)
    print(f"overlap@10 of int8 weights and int8 vectors with fp32: {overlap:.3f} over {len(texts)} cards; ", end="")
    print(f"cosine {cosines.mean():.5f} on average, {cosines.min():.5f} at least")
    assert overlap > 0.9
    assert cosines.min() > 0.99
