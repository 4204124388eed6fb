"""Exports the week's aggregate tables as CSV and Parquet files with a Frictionless data package.

No row of an aggregate table describes a single developer. Rows about fewer than 10 developers are left out, except
maximal cores, which the study prints. Every other published table is only in the warehouse.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub_assets.report.site.week import Week
from hub_assets.sql import literal
from hub_assets.warehouse.sql_project import Column, Table

AGGREGATES: Final = {
    "mart__activity_summary": "true",
    "mart__history_coverage": "true",
    "mart__identity_summary": "true",
    "mart__published_comparison": """
        not (source_table = 'network__summary' and n < 10)
        and not (source_table = 'network__collaboration_cores' and n < 10 and quantity not like '% max%'
            and quantity not like '%greatest%')
        and not (source_table = 'mart__top_repositories' and quantity like '%n_committers%' and ours < 10)""",
    "mart__community_roles": "n_community >= 10",
    "mart__usage_resolution": "true",
    "network__collaboration_cores": "nodes >= 10 or is_max_k",
    "network__collaboration_over_time": "nodes >= 10",
    "network__summary": "nodes >= 10",
    "network__top_organizations": "true",
    "network__usage_summary": "true",
    "stats__claims": "true",
    "stats__concentration": "true",
    "stats__correlations": "true",
    "stats__license_shares": "true",
    "stats__license_tests": "true",
    "stats__lorenz": "true",
    "stats__tail_fits": "true",
}
"""The tables to export, each with the condition for its exported rows."""

FOLDER: Final = "data"
LICENSE: Final = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}


@dataclass(frozen=True)
class Export:
    """An exported table: its number of rows, and the size and SHA-256 of both files."""

    table: Table
    n_rows: int
    csv: Path
    parquet: Path
    csv_sha256: str
    parquet_sha256: str
    csv_bytes: int
    parquet_bytes: int


@dataclass(frozen=True)
class Package:
    """All exports of a week, and the content hash that the citation names."""

    exports: tuple[Export, ...]
    content_hash: str


def write_package(week: Week, folder: Path) -> Package:
    """Write the aggregate tables and `datapackage.json` below `folder/data`.

    Equal tables produce the same CSV bytes, and therefore the same content hash.
    """
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    published = {table.name: table for table in week.project.published}
    exports = tuple(_export(week, published[name], rows, target) for name, rows in AGGREGATES.items())
    digest = hashlib.sha256()
    for export in exports:
        digest.update(f"{export.csv.name} {export.csv_sha256}\n".encode())
    package = Package(exports, digest.hexdigest())
    description = json.dumps(_datapackage(week, package), indent=2, ensure_ascii=False)
    (target / "datapackage.json").write_text(description + "\n", encoding="utf-8")
    return package


def _export(week: Week, table: Table, rows: str, target: Path) -> Export:
    columns = ", ".join(f'"{column.name}"' for column in table.columns if not column.is_personal)
    select = (
        f"select {columns} from {table.name} where snapshot_date = date {literal(week.snapshot_date)} and ({rows}) "
        "order by all"
    )
    csv, parquet = target / f"{table.name}.csv", target / f"{table.name}.parquet"
    week.connection.execute(f"copy ({select}) to {literal(csv)} (format csv, header true)")
    week.connection.execute(f"copy ({select}) to {literal(parquet)} (format parquet, compression zstd)")
    ((n,),) = week.connection.execute(f"select count(*) from ({select})").fetchall()
    return Export(table, n, csv, parquet, _digest(csv), _digest(parquet), csv.stat().st_size, parquet.stat().st_size)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _datapackage(week: Week, package: Package) -> dict[str, Any]:
    """Return a descriptor that follows the Data Package standard, version 1, with a table schema for each CSV file."""
    return {
        "profile": "tabular-data-package",
        "name": f"hub-assets-{week.snapshot_date}",
        "title": f"The Hugging Face Hub in the week of {week.snapshot_date}: aggregate tables",
        "version": str(week.snapshot_date),
        "description": "Simulated data: repositories and numbers are invented."
        if week.is_simulated
        else "Weekly aggregates of public metadata. No developer is named.",
        "licenses": [LICENSE],
        "keywords": ["hugging face", "open source", "machine learning", "software repositories"],
        "content_hash": f"sha256:{package.content_hash}",
        "resources": [_resource(export) for export in package.exports],
    }


def _resource(export: Export) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": export.table.name,
        "path": export.csv.name,
        "description": export.table.description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": export.csv_bytes,
        "hash": f"sha256:{export.csv_sha256}",
        "schema": {
            "fields": [
                {"name": column.name, "type": _type(column), "description": column.description}
                | ({"format": "default"} if _type(column) == "datetime" else {})
                for column in export.table.columns
                if not column.is_personal
            ],
            "primaryKey": list(export.table.grain),
            "missingValues": [""],
        },
    }


def _type(column: Column) -> str:
    kind = column.type.upper()
    known = {"DATE": "date", "BOOLEAN": "boolean", "VARCHAR": "string", "TIMESTAMP": "datetime"}
    if kind in known:
        return known[kind]
    if "INT" in kind:
        return "integer"
    return "number" if kind.startswith(("DOUBLE", "DECIMAL", "FLOAT")) else "string"
