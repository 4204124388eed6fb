"""Builds a week's release as a folder of Parquet files; the same week always produces the same bytes.

Rows are sorted, compressed with zstd, and written with content-defined chunks and a page index, so that the Hub and
readers can reuse data that two weeks have in common. Describing a release belongs in `documents`.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.lake.parts import digest_of
from hub_assets.releases.cleaning import Cleaner
from hub_assets.releases.tables import LISTINGS, Part, parts_of
from hub_assets.releases.withheld import Withheld
from hub_assets.sql import literal
from hub_assets.warehouse.database import batches
from hub_assets.warehouse.sql_project import Project

ROWS_PER_GROUP: Final = 100_000
"""Rows per row group, few enough that even listings with cards stay below the dataset viewer's limit of 300 MB."""
ODBL: Final = "odbl"
OWN_LICENSE: Final = "apache-2.0"


@dataclass(frozen=True)
class File:
    """A file of a release: its number of rows, its size in bytes, and its SHA-256."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Week:
    """The description of one week of a release: one entry in `weeks.json`.

    Args:
        week: the week's Monday, as text.
        license: the license of the data.
        sources: the origin of each listing (source, revision and license), by table.
        files: the files, by path in the release.
        columns: name, type and description of each table's columns, by table.
        suspicions: rows of `core__week_quality` that cast doubt on the week.
        removed: number of removed values and rows, by kind.
    """

    week: str
    license: str
    sources: dict[str, dict[str, str]]
    files: dict[str, File]
    columns: dict[str, list[dict[str, str]]]
    suspicions: list[dict[str, Any]] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash that identifies the content of all files."""
        content = json.dumps({path: file.sha256 for path, file in self.files.items()}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the entry in `weeks.json`."""
        return {**asdict(self), "digest": self.digest}

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> "Week":
        """Build a week from an entry in `weeks.json`."""
        files = {path: File(**file) for path, file in entry["files"].items()}
        return cls(**{name: value for name, value in entry.items() if name != "digest"} | {"files": files})


def build_week(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    snapshot_date: date,
    folder: Path,
    *,
    sources: Mapping[str, Mapping[str, str]],
    withheld: Iterable[Withheld] = (),
) -> Week:
    """Replace a folder with the release of a week's tables, and return the week's description.

    Args:
        connection: the build database.
        project: the SQL project.
        snapshot_date: the week.
        folder: where to write; the folder appears only when it is complete.
        sources: source, revision and license of each listing, by table.
        withheld: the repositories to leave out.

    Raises:
        ReleaseError: if a table to release has a personal column.
    """
    beside = folder.with_name(f".{folder.name}.beside")
    shutil.rmtree(beside, ignore_errors=True)
    cleaner = Cleaner(*_identities(connection, withheld))
    files, columns = {}, {}
    built = {name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()}
    for part in parts_of(project, snapshot_date):
        if part.name not in LISTINGS and part.name not in built:
            continue  # a home that has only archived weeks has no tables of histories
        path = f"{part.name}/week={snapshot_date}/{part.name}.parquet"
        schema = _write(connection, part, cleaner, beside / path)
        files[path] = _described(beside / path)
        columns[part.name] = [
            {"name": column.name, "type": str(column.type), "description": part.descriptions[column.name]}
            for column in schema
        ]
        if part.name in LISTINGS:
            # the same file under hub-stats' own name, for the newest week; the Hub stores identical bytes only once
            os.link(beside / path, beside / f"{part.name}.parquet")
            files[f"{part.name}.parquet"] = files[path]
    shutil.rmtree(folder, ignore_errors=True)
    beside.replace(folder)
    return Week(
        week=str(snapshot_date),
        license=license_of(source["license"] for source in sources.values()),
        sources={table: dict(source) for table, source in sorted(sources.items())},
        files=dict(sorted(files.items())),
        columns=columns,
        suspicions=_suspicions(connection, snapshot_date),
        removed={kind: n for kind, n in sorted(cleaner.found.items()) if n},
    )


def license_of(licenses: Iterable[str]) -> str:
    """Return the license of data from several sources. If any of the data is under ODbL, so is the combined data."""
    return ODBL if any(name.lower().startswith("odbl") for name in licenses) else OWN_LICENSE


def _identities(
    connection: duckdb.DuckDBPyConnection, withheld: Iterable[Withheld]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return all ids and keys of the withheld repositories, including their ids before and after a rename."""
    ids = {decision.repo_id.lower() for decision in withheld}
    if not ids:
        return frozenset(), frozenset()
    listed = " union all ".join(f"select repo_key, lower(repo_id) as repo_id from stg_hub__{name}" for name in LISTINGS)
    named = ", ".join(map(literal, sorted(ids)))
    rows = connection.execute(
        f"with listed as ({listed}) select distinct repo_key, repo_id from listed "
        f"where repo_key in (select repo_key from listed where repo_id in ({named}))"
    ).fetchall()
    return frozenset(ids | {repo_id for _, repo_id in rows}), frozenset(key for key, _ in rows)


def _write(connection: duckdb.DuckDBPyConnection, part: Part, cleaner: Cleaner, path: Path) -> pa.Schema:
    path.parent.mkdir(parents=True, exist_ok=True)
    with batches(connection.sql(part.select), ROWS_PER_GROUP) as reader:
        schema = part.schema or reader.schema
        with pq.ParquetWriter(
            path, schema, compression="zstd", use_content_defined_chunking=True, write_page_index=True
        ) as writer:
            for batch in reader:
                table = pa.Table.from_batches([batch]).cast(schema)
                for cleaned in table.combine_chunks().to_batches():
                    writer.write_batch(cleaner.clean(cleaned), ROWS_PER_GROUP)
    return schema


def _described(path: Path) -> File:
    return File(pq.read_metadata(path).num_rows, path.stat().st_size, digest_of(path))


def _suspicions(connection: duckdb.DuckDBPyConnection, snapshot_date: date) -> list[dict[str, Any]]:
    rows = connection.execute(
        "select repo_type, rule, severity, evidence from core__week_quality "
        "where snapshot_date = ? and severity in ('warning', 'error') order by all",
        [snapshot_date],
    ).fetchall()
    return [dict(zip(("repo_type", "rule", "severity", "evidence"), row, strict=True)) for row in rows]
