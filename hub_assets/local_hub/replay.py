"""Loads a recorded snapshot to serve: Parquet files for one or several weeks, or a lake of this project.

This module finds the files for a week and combines their rows. Converting columns belongs in `recording`. Data that a
recording lacks (a column, a type, accounts) is not made up.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.lake.parts import Lake, LakeError
from hub_assets.local_hub.columns import whole
from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.population import Population, PopulationError
from hub_assets.local_hub.recording import COMMITS, REPOSITORIES, column_names, read_recorded
from hub_assets.vocabulary import REPO_TYPES, RepoType

_OURS: Final = frozenset({"snapshot_date", "observed_at", "extra"})
"""Columns that this project adds to its lakes and that the Hub does not have."""
_NAMED: Final = 5
"""Maximum number of left-out names that a note lists."""

Files = dict[RepoType, list[Path]]


def replay(directory: Path, week: date | None = None) -> Population:
    """Load a population from a recording.

    Args:
        directory: a folder with any of `models.parquet`, `datasets.parquet` and `spaces.parquet`, and optionally
            `commits.parquet` for the models; a folder of such folders named by date (YYYY-MM-DD), where the last folder
            of each week counts; or a lake of this project (`raw_hub__models/snapshot_date=...`) or the home folder
            that contains it. A lake is served without histories.
        week: any date in the week to serve; None means the newest week. A single folder of files without a date in its
            name can be served as any week; for such a folder, None means the current week.

    Returns:
        The population. Its identity is `replay:` and the folder's name, or the parent folder's name if the folder is
        named by date, so that all weeks of a recording share it. Its `notes` report what was left out or derived.

    Raises:
        PopulationError: if the folder, recording or week does not exist, a lake is damaged, or a file cannot be served.
    """
    directory = Path(directory).absolute()
    if directory.is_file():
        raise PopulationError(f"{directory} is a file; name the folder that contains it")
    if not directory.is_dir():
        raise PopulationError(f"folder {directory} does not exist")
    try:
        weeks = _lake_weeks(directory) or _lake_weeks(directory / "lake") or _dated_folders(directory)
    except (OSError, ValueError, LakeError) as error:
        raise PopulationError(f"{directory} cannot be read ({error})") from error
    name = directory.parent.name if directory.name == "lake" else directory.name
    if not weeks:
        files = _loose_files(directory)
        if not files:
            raise PopulationError(
                f"{directory} contains no recording: no models.parquet, datasets.parquet or spaces.parquet, no folders "
                "of such files named by date, and no complete week of a lake"
            )
        day = _date_of(directory.name)
        name = directory.parent.name if day else directory.name
        weeks = {_monday(day or week or datetime.now(UTC).date()): files}
    chosen = _monday(week) if week else max(weeks)
    if chosen not in weeks:
        raise PopulationError(f"{directory} has no week {chosen}; it has {', '.join(map(str, sorted(weeks)))}")
    notes: list[str] = []
    tables = {kind: _repositories(kind, paths, notes) for kind, paths in weeks[chosen].items()}
    identity = "replay:" + "".join(sign if sign.isprintable() else "-" for sign in name)
    folder = next(iter(weeks[chosen].values()))[0].parent
    path = folder / "commits.parquet"
    if not path.is_file():
        return Population(identity, chosen, tables, notes=notes)
    if "model" not in tables:
        notes.append(f"Left out {path}: there is no models.parquet next to it.")
        return Population(identity, chosen, tables, notes=notes)
    authors, histories = _histories(tables["model"], path, notes)
    return Population(identity, chosen, tables, authors=authors, histories={"model": histories}, notes=notes)


def _lake_weeks(directory: Path) -> dict[date, Files]:
    """Return the complete, nonempty weeks of a lake, with the files listed in their manifests."""
    lake, weeks = Lake(directory), dict[date, Files]()
    for kind in REPO_TYPES:
        for day in lake.weeks(f"raw_hub__{kind}s"):
            if files := lake.files(f"raw_hub__{kind}s", day):
                weeks.setdefault(_monday(day), {})[kind] = files
    return weeks


def _dated_folders(directory: Path) -> dict[date, Files]:
    days = {day: folder for folder in sorted(directory.iterdir()) if (day := _date_of(folder.name))}
    return {_monday(day): files for day, folder in days.items() if (files := _loose_files(folder))}


def _loose_files(directory: Path) -> Files:
    paths: Files = {kind: [directory / f"{kind}s.parquet"] for kind in REPO_TYPES}
    return {kind: [path] for kind, [path] in paths.items() if path.is_file()}


def _repositories(repo_type: RepoType, paths: list[Path], notes: list[str]) -> pa.Table:
    """Return the distinct repositories of one type, and note what was left out or derived."""
    table = pa.concat_tables([read_recorded(path, REPOSITORIES) for path in paths], promote_options="default")
    names = dict.fromkeys(name for path in paths for name in column_names(path))
    if unknown_names := [name for name in names if name not in REPOSITORIES and name not in _OURS]:
        notes.append(
            f"Columns of {repo_type}s left out because the Hub's API has no such field: {_list(unknown_names)}."
        )
    if n_without := table["_id"].null_count if "_id" in table.column_names else len(table):
        notes.append(f"{repo_type.capitalize()}s whose missing _id was derived from createdAt and id: {n_without:,}.")
        table = _with_keys(table)
    # the first row of each key counts, as it does when the Hub lists a repository twice
    first_rows = _firsts(table, "_id")
    first_rows = first_rows[_firsts(table.take(first_rows), "id")]
    if n_repeated := len(table) - len(first_rows):
        notes.append(
            f"{repo_type.capitalize()}s left out because an earlier row has the same _id or id: {n_repeated:,}."
        )
        table = table.take(first_rows)
    return table


def _with_keys(table: pa.Table) -> pa.Table:
    """Fill in missing `_id`s, so that a repository gets the same `_id` in every week.

    Like the Hub's own keys, each `_id` has 24 hexadecimal digits. The first 8 are the seconds of `createdAt`; the rest
    come from a hash of the id.
    """
    created = table["createdAt"] if "createdAt" in table.column_names else pa.nulls(len(table), pa.timestamp("ms"))
    with duckdb.connect() as connection:
        connection.register("repositories", pa.table({"id": table["id"], "created_at": created}))
        # an ObjectId stores seconds in 4 bytes
        keys = connection.sql(
            "select printf('%08x', coalesce(epoch_ms(created_at) // 1000, 0) & 4294967295) || md5(id)[:16] as key "
            "from repositories"
        ).to_arrow_table()["key"]
    if "_id" not in table.column_names:
        return table.append_column("_id", keys.cast(pa.string()))
    position = table.column_names.index("_id")
    return table.set_column(position, "_id", pc.coalesce(table["_id"], keys.cast(pa.string())))


def _firsts(table: pa.Table, *key: str) -> npt.NDArray[np.int64]:
    """Return the number of the first row with each key, in row order."""
    rows = table.select(key).append_column("position", pa.array(np.arange(len(table))))
    first = rows.group_by(list(key), use_threads=False).aggregate([("position", "min")])["position_min"]
    return np.sort(first.to_numpy())


def _histories(models: pa.Table, path: Path, notes: list[str]) -> tuple[pa.Table, Histories]:
    """Return the authors and histories of models, with the newest commit first regardless of the recorded order.

    Args:
        models: the table of models; only its `id` is used.
        path: the file of commits, see `recording.COMMITS`. Only authors with an avatar have an account.
        notes: receives a note about everything that was left out.
    """
    commits = read_recorded(path, COMMITS)
    row = pc.index_in(commits["model_id"], whole(models["id"]))
    if row.null_count:
        ids = pc.unique(commits.filter(pc.is_null(row))["model_id"]).to_pylist()
        notes.append(f"Commits left out because their model is not listed: {row.null_count:,} (models: {_list(ids)}).")
    commits = commits.append_column("row", row).filter(pc.is_valid(row))
    first_rows = _firsts(commits, "row", "id")
    if n_repeated := len(commits) - len(first_rows):
        notes.append(f"Commits left out because an earlier row has the same id and model: {n_repeated:,}.")
    commits = commits.take(first_rows)
    rows = commits["row"].to_numpy()
    commits = commits.take(np.lexsort((-commits["date"].cast(pa.int64()).to_numpy(), rows)))
    lists = whole(commits["authors"])
    users, positions = _distinct(lists.flatten())
    columns = {
        "id": commits["id"],
        "authors": pa.ListArray.from_arrays(lists.offsets, positions),
        "date": commits["date"],
    }
    for name in ("title", "message"):
        if name in commits.column_names:
            columns[name] = pc.fill_null(commits[name], "")
        else:
            notes.append(f"Commits have no {name}; it is served empty.")
            columns[name] = pa.repeat("", len(commits))
    n_each = np.bincount(rows, minlength=len(models))
    return users, Histories(pa.table(columns), np.append(0, np.cumsum(n_each)))


def _distinct(authors: pa.StructArray) -> tuple[pa.Table, pa.Array]:
    """Return a table of the distinct authors (`user`, `avatar`), and the row in this table for each given author."""
    user, avatar = authors.flatten()
    both = pc.binary_join_element_wise(
        user, avatar, "\0", null_handling="replace", null_replacement=""
    ).dictionary_encode()
    positions = both.indices.cast(pa.int64())
    _, first = np.unique(positions.to_numpy(), return_index=True)
    return pa.table({"user": user.take(pa.array(first)), "avatar": avatar.take(pa.array(first))}), positions


def _list(names: list[str]) -> str:
    """Return the first few names as text, followed by the number of remaining names."""
    named = ", ".join(map(repr, names[:_NAMED]))
    return named if len(names) <= _NAMED else f"{named} and {len(names) - _NAMED:,} more"


def _date_of(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == 10 else None
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
