"""Search by meaning: the time to embed cards, and the time of a query over many vectors on one core.

Search by words is not measured here, because indexing millions of cards takes much longer than searching them.
"""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from hub_assets_tests.benchmarks.processes import Clock, cores, measure
from hub_assets_tests.benchmarks.records import Aim, Answers, Measurement, Table
from hub_assets_tests.benchmarks.stage import SEED, WEEK, Stage, benchmark

if TYPE_CHECKING:
    from hub_assets.search.vectors import Int8, Semantic

CARDS: Final = 5_000
"""Cards to embed at scale 1; they repeat if there are fewer."""
SIZES: Final = (100_000, 3_000_000)
"""Vectors to search at scale 1."""
QUERIES: Final = 100
CHECKED: Final = 5
"""Queries to repeat with numpy."""
HITS: Final = 10
"""Rows to find."""
JITTER: Final = 8
"""Largest change of a number in [-127, 127] that makes a copy of a vector differ from the original."""
CHUNK: Final = 100_000
HUB: Final = 3_000_000
"""Cards to extrapolate to: one for each model of the Hub."""


@dataclass(frozen=True)
class Queried:
    """The 95th percentile of the wall time and of the CPU time of a query in seconds, the bytes of the files, and the
    queries for which numpy finds other rows.
    """

    p95: float
    p95_cpu: float
    n_bytes: int
    differences: tuple[str, ...]


@benchmark("search", order=65)
def search(stage: Stage) -> Iterator[Measurement | Table]:
    """Embed cards, and search 100,000 and 3 million jittered copies of their vectors on one core."""
    n_cards = math.ceil(CARDS * stage.scale)
    embedded = measure(embed, n_cards, stage.populations, stage.folder / "embedded.npy")
    yield Measurement("search: embedding", n_cards, embedded.seconds, embedded.peak, unit="cards")
    yield Table(
        "Embedding every model's card",
        [
            {
                "time": name,
                "formula": f"{seconds:.1f} s / {n_cards} cards x {HUB:,} cards",
                "hours": round(seconds / n_cards * HUB / 3600, 1),
            }
            for name, seconds in (("elapsed", embedded.seconds), ("CPU", embedded.result))
        ],
    )
    rows = []
    for size in SIZES:
        n_vectors = math.ceil(size * stage.scale)
        folder = stage.folder / f"vectors-{size}"
        measure(write_copies, stage.folder / "embedded.npy", n_vectors, folder)
        done = measure(query, stage.folder / "embedded.npy", folder, cores()[0])
        found = done.result
        aims = [Aim("p95 of a query", 1000 * found.p95, 200, "ms")]
        yield Measurement(
            f"search: queries of {size:,} vectors",
            QUERIES,
            done.seconds,
            done.peak,
            unit="queries",
            aims=aims,
            answers=Answers(CHECKED, found.differences),
        )
        rows.append(
            {
                "vectors": n_vectors,
                "p95 in ms": round(1000 * found.p95, 1),
                "p95 of CPU time in ms": round(1000 * found.p95_cpu, 1),
                "MB, all mapped": round(found.n_bytes / 1e6, 1),
            }
        )
    yield Table("Queries by meaning on one core", rows)


def embed(clock: Clock, n: int, populations: Path, path: Path) -> float:
    """Embed the texts of recorded cards, or of simulated ones without recorded data, and save the vectors.

    Returns:
        The seconds of CPU time that embedding took.
    """
    from hub_assets.search.documents import meanings_of
    from hub_assets.search.embedders import MiniLM
    from hub_assets.search.vectors import quantized
    from hub_assets_tests.conftest import REAL_DATA
    from hub_assets_tests.search.evaluation import golden_documents

    if REAL_DATA.is_dir():
        texts = meanings_of(golden_documents(REAL_DATA / "cards")).drop_null()
    else:
        from hub_assets.local_hub.simulated import simulate

        texts = pa.chunked_array(simulate(WEEK, seed=SEED, keep=populations).repos["model"]["card"]).drop_null()
    several = texts.take(pa.array(np.arange(n) % len(texts))).to_pylist()
    embedder = MiniLM()
    embedder.embed(several[:1])  # loads the model
    with clock:
        used = time.process_time()
        vectors = embedder.embed(several)
        used = time.process_time() - used
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, quantized(vectors))
    return used


def write_copies(clock: Clock, embedded: Path, n: int, folder: Path) -> None:
    """Write an index of jittered copies of vectors."""
    from hub_assets.search.vectors import GREATEST, Stored, write

    originals, rng = np.load(embedded), np.random.default_rng(SEED)
    vectors = np.empty((n, originals.shape[1]), np.int8)
    for start in range(0, n, CHUNK):
        part = vectors[start : start + CHUNK]
        jitter = rng.integers(-JITTER, JITTER + 1, part.shape, np.int8)
        exact = originals[np.arange(start, start + len(part)) % len(originals)].astype(np.int16) + jitter
        part[:] = exact.clip(-GREATEST, GREATEST)
    with clock:
        write(folder, Stored(np.arange(n), np.arange(n, dtype=np.uint64), vectors))


def query(clock: Clock, embedded: Path, folder: Path, core: int) -> Queried:
    """Embed and search one query after another on one core, after one that reads the files into the page cache."""
    os.sched_setaffinity(0, {core})  # before onnxruntime starts its threads
    from hub_assets.search.embedders import MiniLM
    from hub_assets.search.vectors import Semantic, quantized
    from hub_assets_tests.conftest import REAL_DATA
    from hub_assets_tests.search.evaluation import golden_queries

    given = [one.text for one in golden_queries(REAL_DATA / "cards")] if REAL_DATA.is_dir() else ["a model of speech"]
    texts = (given * QUERIES)[:QUERIES]
    index, embedder = Semantic.open(folder), MiniLM()
    index.search(quantized(embedder.embed(texts[:1]))[0], None, HITS)
    seconds, cpu, found = [], [], []
    with clock:
        for text in texts:
            began, used = time.perf_counter(), time.process_time()
            [vector] = quantized(embedder.embed([text]))
            found.append((vector, index.search(vector, None, HITS)))
            seconds.append(time.perf_counter() - began)
            cpu.append(time.process_time() - used)
    checked = list(zip(texts, found, strict=True))[:CHECKED]
    differences = [text for text, (vector, hits) in checked if [row for row, _ in hits] != _best(index, vector)]
    n_bytes = sum(file.stat().st_size for file in folder.iterdir())
    p95, p95_cpu = (float(np.quantile(times, 0.95)) for times in (seconds, cpu))
    return Queried(p95, p95_cpu, n_bytes, tuple(differences))


def _best(index: "Semantic", vector: "Int8") -> list[int]:
    """Return the rows with the largest cosines, computed by numpy; ties are in row order."""
    parts = []
    for start in range(0, len(index.rows), CHUNK):
        part = index.vectors[start : start + CHUNK].astype(np.float32)
        # products of int8 are exact in float32 up to 384 terms
        parts.append((part @ vector.astype(np.float32)) * index.scales[start : start + CHUNK])
    best: list[int] = np.argsort(-np.concatenate(parts), kind="stable")[:HITS].tolist()
    return best
