"""What each recording can say about change: the number of units behind each statistic, or why it has none.

The statistics run on the recordings' own columns; a count that was not recorded stays unknown. A test pins the numbers;
`python -m hub_assets_tests.statistics.recorded` prints the table.
"""

import csv
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from hub_assets.networks.families import family_tables
from hub_assets.networks.recency import temporal_pagerank
from hub_assets.statistics.adoption import relative_adoption, release_curves
from hub_assets.statistics.concentration import concentration
from hub_assets.statistics.concentration_over_time import concentration_over_time
from hub_assets.statistics.prediction import rank_correlation_with_interval
from hub_assets.statistics.trends import LEAST, trend
from hub_assets.trust.schemas import WEEK_QUALITY

RADAR: Final = ("2026-08-17", "2026-08-24")
"""The folders of the two listings."""
LISTED: Final = date(2026, 8, 22)
"""The day of the later listing."""
APART: Final = 3.6
"""Days between the two listings."""


class Carried(NamedTuple):
    """A statistic on a recording: its number of units (0 if the recording cannot carry it), and a finding or reason."""

    recording: str
    statistic: str
    n: int
    remark: str


def carried(real_data: Path) -> list[Carried]:
    """Compute each statistic on each recording."""
    return [
        Carried(name, *line)
        for name, lines in (
            ("radar", _radar(real_data / "radar")),
            ("openness_index", _openness_index(real_data / "openness_index")),
            ("model_atlas", _model_atlas(real_data / "model_atlas")),
        )
        for line in lines
    ]


def _radar(folder: Path) -> Iterator[tuple[str, int, str]]:
    before, now = (pq.read_table(folder / week / "models.parquet") for week in RADAR)
    origin = [any(tag.startswith("base_model:") for tag in tags or []) for tags in now["tags"].to_pylist()]
    countries = _countries()
    owners = [name.split("/")[0].lower() for name in now["id"].to_pylist()]
    models = pa.table(
        {
            "snapshot_date": pa.repeat(pa.scalar(LISTED), len(now)),
            "repo_type": pa.repeat(pa.scalar("model"), len(now)),
            "n_likes": now["likes"],
            "n_downloads": now["downloads"],
            "n_downloads_earlier": before["downloads"].take(pc.index_in(now["_id"], before["_id"])),
            "n_downloads_overlap": np.full(len(now), 1 - APART / 30),
            "n_new_downloads": pa.nulls(len(now), pa.int64()),
            "n_usage_spaces": pa.nulls(len(now), pa.int64()),
            "task": now["pipeline_tag"],
            "origin": pc.if_else(pa.array(origin), "derivative", "original"),
            "country": pa.array([countries.get(owner) for owner in owners], pa.string()),
        }
    )
    measures = ["n_downloads", "n_new_downloads", "n_likes", "n_usage_spaces"]
    rows = concentration_over_time(models, WEEK_QUALITY.empty_table(), measures, ["task", "origin", "country"])
    found = {name: [row for row in rows.to_pylist() if row["measure"] == name] for name in measures}
    for name, reason in (
        ("n_downloads", ""),
        ("n_likes", ""),
        ("n_new_downloads", "all-time counts were not recorded"),
        ("n_usage_spaces", "Spaces were not recorded"),
    ):
        whole = [row for row in found[name] if row["slice_kind"] == "all"]
        n = sum(row["n"] for row in whole)
        has_interval = any(row["gini_low"] is not None for row in whole)
        remark = f"Gini {whole[0]['gini']:.4f}, {'with' if has_interval else 'without'} an interval" if n else reason
        yield f"concentration of {name}", n, remark
    for slice_kind in ("task", "origin", "country"):
        sliced = [row for row in found["n_downloads"] if row["slice_kind"] == slice_kind]
        yield f"concentration by {slice_kind}", sum(row["n"] for row in sliced), f"{len(sliced)} slices"
    shares = [concentration(each["downloads"].to_numpy(), (), (), resamples=0)["gini"] for each in (before, now)]
    line = trend([0, APART], shares)
    yield "trend", 0 if np.isnan(line["slope"]) else int(line["n"]), f"{line['n']:.0f} listings; a trend needs {LEAST}"
    yield _survival_of(before, now)
    counts = _all_time(now)
    yield "relative adoption", len(relative_adoption(counts)), "all-time counts were not recorded"
    yield "half-life", len(release_curves(counts)), "all-time counts were not recorded, and there are two listings"
    yield from _families(_tagged_edges(now))
    pairs = rank_correlation_with_interval(*(_floats(models, name) for name in ("n_downloads_earlier", "n_downloads")))
    remark = f"rank correlation {pairs['spearman_low']:.2f} to {pairs['spearman_high']:.2f} over {APART} days"
    yield "prediction of later downloads", int(pairs["n"]), remark


def _survival_of(before: pa.Table, now: pa.Table) -> tuple[str, int, str]:
    absent = len(before) - pc.sum(pc.is_in(before["_id"], now["_id"])).as_py()
    return "survival", 0, f"{absent} models left a list of new and trending models, which is not deletion"


def _all_time(now: pa.Table) -> pa.Table:
    """Return the columns for adoption; the recording has no all-time counts, so they are null."""
    created = pc.cast(pc.utf8_slice_codeunits(now["createdAt"], 0, 10), pa.date32())
    ages = np.array([(LISTED - each).days for each in created.to_pylist()], float)
    return pa.table(
        {
            "repo_key": now["_id"],
            "size_class": pa.repeat(pa.scalar("unknown"), len(now)),
            "age": ages,
            "n_days": ages,
            "n_downloads_all_time": pa.nulls(len(now), pa.int64()),
            "n_new_downloads": pa.nulls(len(now), pa.int64()),
            "is_suspect": np.zeros(len(now), bool),
        }
    )


def _openness_index(folder: Path) -> Iterator[tuple[str, int, str]]:
    with (folder / "systems.csv").open(encoding="utf-8") as file:
        systems = [row for row in csv.DictReader(file) if row["hub_link"] and row["origin"]]
    countries = _countries()
    compared = [
        (countries[owner], row["origin"])
        for row in systems
        if (owner := row["hub_link"].removeprefix("collections/").removeprefix("datasets/").split("/")[0].lower())
        in countries
    ]
    same = sum(ours == theirs for ours, theirs in compared)
    yield "attribution to countries", len(compared), f"{same} agree with our seed, of {len(systems)} systems"
    for statistic in ("concentration", "trend", "survival", "relative adoption", "prediction of later downloads"):
        yield statistic, 0, "no counts and no dates of listings"
    yield "families", 0, "base models are named in words, not by their ids"


def _model_atlas(folder: Path) -> Iterator[tuple[str, int, str]]:
    recorded = pq.read_table(folder / "model_atlas_edges.parquet")
    edges = [(child, parent.rstrip("/")) for child, parent in _pairs(recorded, "child", "parent") if child and parent]
    yield from _families(edges)
    children = np.unique([parent for _, parent in edges], return_counts=True)[1]
    found = concentration(children, (), (0.01,), resamples=0)
    yield "concentration of children among bases", len(children), f"Gini {found['gini']:.4f}"
    relations = recorded["relation"].drop_null()
    yield "relations", len(relations), f"recorded as {', '.join(sorted(set(relations.to_pylist())))} only"
    for statistic in ("concentration of downloads", "relative adoption", "prediction of later downloads"):
        yield statistic, 0, "downloads were not recorded"
    for statistic in ("trend", "survival"):
        yield statistic, 0, "a single state without dates"


def _families(edges: list[tuple[str, str]]) -> Iterator[tuple[str, int, str]]:
    children, bases = (pa.array([edge[place] for edge in edges], pa.string()) for place in (0, 1))
    models = pc.unique(pa.chunked_array([children, bases]))
    table = pa.table(
        {
            "repo_key": children,
            "repo_id": children,
            "base_repo_key": bases,
            "base_repo_id": bases,
            "is_self_loop": pc.equal(children, bases),
        }
    )
    nodes, _ = family_tables(table, pa.table({"repo_key": models, "n_downloads": pa.nulls(len(models), pa.int64())}))
    yield "families", len(nodes), f"{pc.sum(nodes['is_root']).as_py():,} roots, {len(edges):,} edges"
    ages = pa.table({"node": models, "age": np.zeros(len(models), np.int64)})
    ranks = temporal_pagerank(pa.table({"node": children, "base_node": bases}), ages)
    top = ranks.sort_by([("pagerank", "descending"), ("node", "ascending")])["node"][0].as_py()
    yield "PageRank, without ages", len(ranks), f"the first is {top}"


def _tagged_edges(models: pa.Table) -> list[tuple[str, str]]:
    """Return each model with each base model in its tags: base_model:ID or base_model:RELATION:ID."""
    return sorted(
        {
            (name, tag.rsplit(":", 1)[1])
            for name, tags in _pairs(models, "id", "tags")
            for tag in tags or []
            if tag.startswith("base_model:")
        }
    )


def _countries() -> dict[str, str]:
    with (files("dbt_like_sql") / "seeds" / "organizations.csv").open(encoding="utf-8") as file:
        return {row["namespace"].lower(): row["country"] for row in csv.DictReader(file) if row["country"]}


def _pairs(table: pa.Table, *columns: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in columns), strict=True)


def _floats(table: pa.Table, name: str) -> Any:
    return table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)


def main() -> None:
    """Print the table."""
    from hub_assets_tests.conftest import REAL_DATA

    table = Table("recording", "statistic", "n", "finding, or why not")
    for line in carried(REAL_DATA):
        table.add_row(line.recording, line.statistic, f"{line.n:,}" if line.n else "cannot", line.remark)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
