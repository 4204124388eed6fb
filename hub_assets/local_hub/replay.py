"""A recorded snapshot, served again: Parquet of one week, of several weeks, or a lake of our own.

Finds and reads files. What a recording does not hold (a column, a type, accounts) is not invented.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hub_assets.local_hub.columns import whole
from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.population import Population, PopulationError

_OURS: Final = ("snapshot_date", "observed_at", "extra")
"""Columns of our own lakes that the Hub does not have."""

Files = dict[RepoType, list[Path]]


def replay(directory: Path, week: date | None = None) -> Population:
    """Make a population of a recording.

    Args:
        directory: a folder with any of `models.parquet`, `datasets.parquet` and `spaces.parquet`, and perhaps
            `commits.parquet` of the models; a folder of such folders, each named by its date (YYYY-MM-DD); or a lake of
            ours (`raw_hub__models/snapshot_date=...`), or the home that it is in, of which histories are not served.
        week: which week to serve, by any of its days; the newest if None. A folder without a date in its name can be
            served in any week; None is the present one.

    Returns:
        The population, named `replay:` and the folder's name (without the date, so that a recording's weeks share it).

    Raises:
        PopulationError: if there is no such folder, recording or week, or a file cannot be served.
    """
    directory = Path(directory).absolute()
    if not directory.is_dir():
        raise PopulationError(f"there is no folder {directory}")
    weeks = _lake_weeks(directory) or _lake_weeks(directory / "lake") or _dated_folders(directory)
    name = directory.parent.name if directory.name == "lake" else directory.name
    if not weeks:
        files = _loose_files(directory)
        if not files:
            raise PopulationError(
                f"{directory} holds no recording: no models.parquet, datasets.parquet or spaces.parquet, no folders of "
                "such files named by date, and no complete week of a lake"
            )
        day = _date_of(directory.name)
        name = directory.parent.name if day else directory.name
        weeks = {_monday(day or week or datetime.now(UTC).date()): files}
    chosen = _monday(week) if week else max(weeks)
    if chosen not in weeks:
        raise PopulationError(f"{directory} has no week {chosen}; it has {', '.join(map(str, sorted(weeks)))}")
    tables = {kind: _read(paths) for kind, paths in weeks[chosen].items()}
    commits = weeks[chosen]["model"][0].with_name("commits.parquet") if "model" in weeks[chosen] else None
    try:
        if commits is None or not commits.is_file():
            return Population(f"replay:{name}", chosen, tables)
        authors, histories = _histories(tables["model"], _read([commits]))
        return Population(f"replay:{name}", chosen, tables, authors=authors, histories={"model": histories})
    except PopulationError as error:
        raise PopulationError(f"{directory} cannot be served: {error}") from error


def _lake_weeks(directory: Path) -> dict[date, Files]:
    """Return the complete weeks of a lake, with the files that their manifests name."""
    weeks: dict[date, Files] = {}
    for kind in REPO_TYPES:
        for manifest in sorted(directory.glob(f"raw_hub__{kind}s/snapshot_date=*/_manifest.json")):
            day = _date_of(manifest.parent.name.partition("=")[2])
            content = json.loads(manifest.read_text(encoding="utf-8"))
            if day and content.get("complete") and content["parts"]:
                weeks.setdefault(_monday(day), {})[kind] = [manifest.parent / part["file"] for part in content["parts"]]
    return weeks


def _dated_folders(directory: Path) -> dict[date, Files]:
    days = {day: folder for folder in sorted(directory.iterdir()) if (day := _date_of(folder.name))}
    return {_monday(day): files for day, folder in days.items() if (files := _loose_files(folder))}


def _loose_files(directory: Path) -> Files:
    paths: Files = {kind: [directory / f"{kind}s.parquet"] for kind in REPO_TYPES}
    return {kind: [path] for kind, [path] in paths.items() if path.is_file()}


def _read(paths: list[Path]) -> pa.Table:
    tables = []
    for path in paths:
        try:
            table = pq.read_table(path, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise PopulationError(f"{path} cannot be read as Parquet ({error})") from error
        tables.append(table.drop_columns([name for name in _OURS if name in table.column_names]))
    return pa.concat_tables(tables)


def _histories(models: pa.Table, commits: pa.Table) -> tuple[pa.Table, Histories]:
    """Return who is named, and the histories of models.

    Args:
        models: `id`.
        commits: `model_id`, `id`, `title`, `message`, `authors` (names, git's author first) and `date` (text); those of
            a model side by side or not, newest first. Who has an account was not recorded.

    Raises:
        PopulationError: if a column is missing, or a commit is of no model.
    """
    if missing := {"model_id", "id", "title", "message", "authors", "date"} - set(commits.column_names):
        raise PopulationError(f"of the commits the column {min(missing)} is missing")
    row = pc.index_in(commits["model_id"].cast(pa.string()), models["id"].cast(pa.string()).combine_chunks())
    if row.null_count:
        raise PopulationError(f"{row.null_count} commits are of models that are not among the models")
    order = np.argsort(row.to_numpy(), kind="stable")
    commits = commits.take(pa.array(order)).combine_chunks()
    lists = whole(commits["authors"].cast(pa.list_(pa.string())))
    names = lists.flatten().dictionary_encode()
    places = pa.ListArray.from_arrays(lists.offsets, names.indices.cast(pa.int64()), mask=None)
    dates = commits["date"].cast(pa.string()).cast(pa.timestamp("ms", "UTC"))
    table = pa.table(
        {name: commits[name].cast(pa.string()) for name in ("id", "title", "message")}
        | {"authors": places, "date": dates.cast(pa.timestamp("ms"))}
    )
    users = pa.table({"user": names.dictionary, "avatar": pa.nulls(len(names.dictionary), pa.string())})
    n_each = np.bincount(row.to_numpy(), minlength=len(models))
    return users, Histories(table, np.append(0, np.cumsum(n_each)))


def _date_of(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == 10 else None
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
