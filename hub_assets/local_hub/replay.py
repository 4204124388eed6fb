"""A recorded snapshot, served again: Parquet of one week, of several weeks, or a lake of our own.

Finds and reads files. What a recording does not hold (a column, a type, accounts) is not invented.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.population import Population, PopulationError

_OURS: Final = ("snapshot_date", "observed_at", "extra")
"""Columns of our own lakes that the Hub does not have."""

Files = dict[RepoType, list[Path]]


def replay(directory: Path, week: date | None = None) -> Population:
    """Make a population of a recording.

    Args:
        directory: a folder with any of `models.parquet`, `datasets.parquet` and `spaces.parquet`; a folder of such
            folders, each named by its date (YYYY-MM-DD); or a lake of ours (`raw_hub__models/snapshot_date=...`), or
            the home that it is in.
        week: which week to serve, by any of its days; the newest if None.

    Returns:
        The population, named `replay:` and the folder's name (without the date, so that a recording's weeks share it).
        A folder without a date in its name is of the present week.

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
        weeks = {_monday(day or datetime.now(UTC).date()): files}
    chosen = _monday(week) if week else max(weeks)
    if chosen not in weeks:
        raise PopulationError(f"{directory} has no week {chosen}; it has {', '.join(map(str, sorted(weeks)))}")
    tables = {kind: _read(paths) for kind, paths in weeks[chosen].items()}
    try:
        return Population(f"replay:{name}", chosen, tables)
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


def _date_of(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == 10 else None
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
