"""Writes a series as Parquet files, week by week, with its answer key in separate files.

`repositories.parquet` contains the attributes that never change, and `weeks/DATE.parquet` contains what a listing
shows. `truth/` contains the answer key: `weeks` (true downloads, concentration, stalls and gaps), `releases`
(half-lives and lifetimes) and `organizations`. Generating the series belongs in `series`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.courses import RELATIONS, SIZE_CLASSES, TASKS, Courses
from hub_assets.local_hub.simulated.people import object_ids
from hub_assets.local_hub.simulated.rng import Floats, Rng
from hub_assets.local_hub.simulated.series import Counted, Series
from hub_assets.vocabulary import RepoType

TOPS: Final = (10, 100, 1_000)
_DAY: Final = 24 * 3600


@dataclass(frozen=True)
class Written:
    """The files of a series: their folder, the number of rows in weekly listings, and the total size in bytes."""

    folder: Path
    n_rows: int
    n_bytes: int


def write_series(folder: Path, series: Series) -> Written:
    """Write a series and its answer key.

    Args:
        folder: where to write; must be empty or not exist yet.
        series: the series.

    Raises:
        OSError: if the folder is not empty or cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    for name in ("weeks", "truth"):
        (folder / name).mkdir()
    described = {kind: describe(courses, series.seed) for kind, courses in series.courses.items()}
    _write(folder / "repositories.parquet", pa.concat_tables(described.values()))
    for name, table in truth(series, described).items():
        _write(folder / "truth" / f"{name}.parquet", table)
    keys = {kind: table["repo_key"].combine_chunks() for kind, table in described.items()}
    answers: list[dict[str, Any]] = []
    n_rows = 0
    writer: pq.ParquetWriter | None = None
    for counted in series.counted():
        answers.append(answer(counted, series))
        if counted.kind == series.kinds[0]:
            if writer is not None:
                writer.close()
            writer = None
        if not counted.is_listed.any():
            continue
        rows = listing(counted, keys[counted.kind])
        if writer is None:
            writer = pq.ParquetWriter(folder / "weeks" / f"{counted.week}.parquet", rows.schema, compression="zstd")
        writer.write_table(rows)
        n_rows += len(rows)
    if writer is not None:
        writer.close()
    _write(folder / "truth" / "weeks.parquet", pa.Table.from_pylist(answers))
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return Written(folder, n_rows, n_bytes)


def describe(courses: Courses, seed: int) -> pa.Table:
    """Return the constant attributes of a type's repositories, one row each, with the marts' column names."""
    rng, which = Rng(seed, f"{courses.kind}s in a series"), np.arange(len(courses))
    keys = object_ids(rng, courses.created, which)
    organization = courses.organizations.row_of(courses.namespace)
    namespaces = text.joined("namespace-", text.numbers(courses.namespace))
    named = text.joined("organization-", organization.cast(pa.string()))
    is_derived = courses.base >= 0
    relation = text.of(tuple(RELATIONS), rng.choice("relation", RELATIONS, which))
    parents = keys.take(pa.array(courses.base, mask=~is_derived))
    is_model = courses.kind == "model"
    return pa.table(
        {
            "repo_type": text.of((courses.kind,), np.zeros_like(which)),
            "repo_key": keys,
            "repo_id": text.joined(namespaces, "/", courses.kind, "-", text.numbers(which)),
            "namespace": namespaces,
            "organization": pa.compute.coalesce(named, namespaces),
            "kind": pa.compute.fill_null(courses.organizations.kind.take(organization), "unknown"),
            "country": courses.organizations.country.take(organization),
            "task": text.of(tuple(TASKS), rng.choice("task", TASKS, which))
            if is_model
            else pa.nulls(len(which), pa.string()),
            "size_class": text.of(tuple(SIZE_CLASSES), rng.choice("size", SIZE_CLASSES, which))
            if is_model
            else pa.nulls(len(which), pa.string()),
            "created_at": text.moments(courses.created),
            "relation": text.where(is_derived, relation),
            "base_repo_key": parents,
            "root_repo_key": keys.take(pa.array(courses.root)),
        }
    )


def listing(counted: Counted, keys: pa.Array) -> pa.Table:
    """Return what a week's listing shows for a type, with one row per listed repository. Spaces have null downloads."""
    listed = counted.is_listed
    rows = pa.array(counted.rows[listed])
    n = len(rows)
    unknown = np.full(n, counted.kind == "space")
    return pa.table(
        {
            "snapshot_date": pa.repeat(pa.scalar(counted.week, pa.date32()), n),
            "repo_type": pa.repeat(pa.scalar(counted.kind), n),
            "repo_key": keys.take(rows),
            "n_likes": counted.likes[listed],
            "n_downloads": pa.array(counted.downloads[listed], mask=unknown),
            "n_downloads_all_time": pa.array(counted.downloads_all_time[listed], mask=unknown),
        }
    )


def answer(counted: Counted, series: Series) -> dict[str, Any]:
    """Return the true figures of a type in a week; concentration is computed from expected downloads over 30 days."""
    courses, faults = series.courses[counted.kind], series.faults
    total = counted.expected_window.sum()
    derived = courses.base[counted.rows] >= 0
    return {
        "snapshot_date": counted.week,
        "repo_type": counted.kind,
        "is_gap": counted.number in faults.gaps,
        "share_frozen": faults.stalls.get(counted.number, 0.0),
        "share_listed": 0.0 if counted.number in faults.gaps else faults.cuts.get(counted.number, 1.0),
        "n_repos": len(counted.rows),
        "n_new_downloads": int(counted.true_new.sum()),
        "n_expected_downloads": float(total),
        "share_of_derivatives": float(counted.expected_window[derived].sum() / total) if total else None,
        **concentration(counted.expected_window),
    }


def concentration(values: Floats) -> dict[str, float | None]:
    """Return the concentration of values: shares of the largest values and of the top 1%, Gini coefficient, and HHI.

    The Gini coefficient is half the relative mean absolute difference; the HHI is the sum of squared shares. All are
    None if the total is 0, and the share of the top k is None if there are no more than k values.
    """
    ordered = np.sort(values)[::-1]
    n, total = len(ordered), ordered.sum()
    if not total:
        return dict.fromkeys([*(f"share_of_top_{k}" for k in TOPS), "top_1_share", "gini", "hhi"], None)
    held = ordered / total
    running = np.cumsum(held)
    tops = {f"share_of_top_{k}": float(running[k - 1]) if n > k else None for k in TOPS}
    return {
        **tops,
        "top_1_share": float(running[int(np.ceil(0.01 * n)) - 1]),
        "gini": float(((n + 1 - 2 * np.arange(1, n + 1)) * held).sum() / n),
        "hhi": float((held**2).sum()),
    }


def truth(series: Series, described: dict[RepoType, pa.Table]) -> dict[str, pa.Table]:
    """Return the parts of the answer key that do not depend on the week: `releases` and `organizations`."""
    releases = [
        pa.table(
            {
                "repo_type": described[kind]["repo_type"],
                "repo_key": described[kind]["repo_key"],
                "peak_age_days": 7 * courses.peak,
                "half_life_days": pa.array(7 * courses.half_life, mask=~np.isfinite(courses.half_life)),
                "downloads_per_day_at_peak": courses.level,
                "life_days": pa.array((courses.gone - courses.created) / _DAY, mask=~np.isfinite(courses.gone)),
            }
        )
        for kind, courses in series.courses.items()
    ]
    found = next(iter(series.courses.values())).organizations
    risen = found.gain > 0
    return {
        "releases": pa.concat_tables(releases),
        "organizations": pa.table(
            {
                "organization": text.joined("organization-", text.numbers(np.arange(len(found.namespace)))),
                "namespace": text.joined("namespace-", text.numbers(found.namespace)),
                "country": found.country,
                "kind": found.kind,
                "factor": np.exp(found.gain),
                "risen_at": pa.array((found.risen_at * 1000).astype(np.int64), pa.timestamp("ms"), mask=~risen),
            }
        ),
    }


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")
