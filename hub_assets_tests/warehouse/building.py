"""Build all SQL models for one week from raw rows; by default, every author string is a separate developer."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from hub_assets.archives.importing import CHOICE_SCHEMA
from hub_assets.hub.sources import raw_tables
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.identities.schemas import ACCOUNT_QUESTIONS, CANDIDATE_PAIRS, DEVELOPER_PAIRS, DEVELOPERS, PSEUDONYMS
from hub_assets.networks.schemas import (
    BASE_MODEL_CYCLES,
    COLLABORATION_CORES,
    COLLABORATION_OVER_TIME,
    DEVELOPER_CENTRALITY,
    FAMILY_MEMBERS,
    FAMILY_NODES,
    FAMILY_PAGERANK,
    MODEL_CO_USAGE,
    NULL_MODELS,
    SUMMARY,
    USAGE_SUMMARY,
)
from hub_assets.report.ledger.judging import CLAIMS
from hub_assets.statistics.schemas import (
    CONCENTRATION,
    CONCENTRATION_OVER_TIME,
    CORRELATIONS,
    LICENSE_TESTS,
    LORENZ,
    PREDICTIONS_OF_USE,
    RELATIVE_ADOPTION,
    RELEASE_CURVES,
    SURVIVAL,
    TAIL_FITS,
    TRENDS,
)
from hub_assets.trust.schemas import FLOW_CORRECTIONS, WEEK_QUALITY
from hub_assets.warehouse.database import failing_rows, prepare, replace_week
from hub_assets.warehouse.sql_project import Model, Project

CORE = {
    "core__candidate_pairs": CANDIDATE_PAIRS,
    "core__account_questions": ACCOUNT_QUESTIONS,
    "core__developer_pairs": DEVELOPER_PAIRS,
    "core__developers": DEVELOPERS,
    "core__pseudonyms": PSEUDONYMS,
}
TRUST = {
    "core__week_quality": WEEK_QUALITY,
    "core__flow_corrections": FLOW_CORRECTIONS,
}
STATS = {
    "stats__concentration": CONCENTRATION,
    "stats__lorenz": LORENZ,
    "stats__correlations": CORRELATIONS,
    "stats__license_tests": LICENSE_TESTS,
    "stats__tail_fits": TAIL_FITS,
    "stats__concentration_over_time": CONCENTRATION_OVER_TIME,
    "stats__survival": SURVIVAL,
    "stats__relative_adoption": RELATIVE_ADOPTION,
    "stats__release_curves": RELEASE_CURVES,
    "stats__predictions_of_use": PREDICTIONS_OF_USE,
    "stats__trends": TRENDS,
    "stats__claims": CLAIMS,
}
NETWORK = {
    "network__collaboration_cores": COLLABORATION_CORES,
    "network__null_models": NULL_MODELS,
    "network__developer_centrality": DEVELOPER_CENTRALITY,
    "network__summary": SUMMARY,
    "network__collaboration_over_time": COLLABORATION_OVER_TIME,
    "network__model_co_usage": MODEL_CO_USAGE,
    "network__usage_summary": USAGE_SUMMARY,
    "network__base_model_cycles": BASE_MODEL_CYCLES,
    "network__family_nodes": FAMILY_NODES,
    "network__family_members": FAMILY_MEMBERS,
    "network__family_pagerank": FAMILY_PAGERANK,
}
SOURCES = {
    **{table.name: table.schema for table in raw_tables()},
    **{f"raw_archive__{repo_type}s": table.schema for repo_type, table in LISTINGS.items()},
    "raw_archive__uploads": CHOICE_SCHEMA,
    **CORE,
    **TRUST,
    **STATS,
    **NETWORK,
}
"""Arrow schemas of all tables that Python writes."""


class Database:
    """An in-memory database that builds SQL models from given rows.

    Args:
        project: the SQL project.
        given: SQL models whose rows tests supply instead of building them.
    """

    def __init__(self, project: Project, *given: str) -> None:
        self.project = project
        self.connection = duckdb.connect()
        self.connection.execute("set enable_progress_bar = false")
        prepare_tables(self.connection, project)
        for name in given:
            self.empty(name)

    def empty(self, table: str) -> None:
        """Recreate a table without rows."""
        columns = ", ".join(f"{column.name} {column.type}" for column in self.project.tables[table].columns)
        self.connection.execute(f"create or replace table {table} ({columns})")

    def give(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows to a table; missing columns are null."""
        schema = self.connection.sql(f"from {table}").to_arrow_table().schema
        self.connection.register("given", pa.Table.from_pylist(list(rows), schema))
        self.connection.execute(f"insert into {table} from given")

    def fill(self, models: Iterable[Model], week: date) -> None:
        """Build one week of SQL models and run their blocking data tests."""
        for model in models:
            replace_week(self.connection, model.name, week, model.render(week))
            for test in (test for test in model.data_tests if not test.is_warning):
                failing = failing_rows(test, model, week, self.project.tables.get(test.to))
                assert self.rows(failing) == [], (model.name, test.name)

    def rows(self, select: str) -> list[Any]:
        return self.connection.execute(select).fetchall()


def models_for(project: Project, *tables: str) -> list[Model]:
    """Return the SQL models needed to build the given tables, in build order."""
    needed = set(tables)
    for model in reversed(project.models):
        if model.name in needed:
            needed |= set(model.upstream)
    return [model for model in project.models if model.name in needed and not model.is_view]


def only(project: Project, *tables: str) -> Project:
    """Return a project with only the SQL models needed for the given tables and for author strings."""
    views = (model for model in project.models if model.is_view)
    return replace(project, models=(*views, *models_for(project, "int_hub__author_strings", *tables)))


def prepare_tables(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Create staging views and seeds, and an empty table for each source."""
    prepare(connection, project, {source.name: [] for source in project.sources})
    for source in project.sources:
        if not source.is_stored:
            connection.execute(f"drop view {source.name}")
    for table in SOURCES:
        _set(connection, table, [])


def clear(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Reset a database to its prepared state, which takes a tenth of the time that preparing a new one takes."""
    for model in project.models:
        if not model.is_view:
            connection.execute(f"drop table if exists {model.name}")
    fill(connection, {})


def fill(connection: duckdb.DuckDBPyConnection, given: dict[str, list[dict[str, object]]]) -> None:
    """Replace the rows of every source with the given rows, or with none."""
    for table in SOURCES:
        if table in given:
            _set(connection, table, given[table])
        else:
            connection.execute(f"delete from {table}")


def _set(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]) -> None:
    connection.register("given", pa.Table.from_pylist(rows, SOURCES[table]))
    connection.execute(f"create or replace table {table} as from given")


def build_week(connection: duckdb.DuckDBPyConnection, project: Project, week: date) -> None:
    """Build one week of all SQL models; if no developers are given, they are derived from the author strings."""
    deferred: set[str] = set(CORE)
    for model in project.models:
        if deferred & set(model.upstream):
            deferred.add(model.name)
        elif not model.is_view:
            replace_week(connection, model.name, week, model.render(week))
    given = connection.execute(f"select count(*) from core__developers where snapshot_date = date '{week}'").fetchall()
    if given == [(0,)]:
        connection.execute(f"""
            insert into core__developers by name
            select
                snapshot_date, author, author as developer_id, false as is_bot, false as is_generic,
                'alone' as match_method, '' as decisions_hash
            from int_hub__author_strings where snapshot_date = date '{week}'
        """)
    for model in project.models:
        if model.name in deferred:
            replace_week(connection, model.name, week, model.render(week))
        if model.name == "int_hub__collaboration_developers":
            _name(connection, week)


def _name(connection: duckdb.DuckDBPyConnection, week: date) -> None:
    """Assign readable pseudonyms, because real ones require a home's secret."""
    connection.execute(f"""
        insert into core__pseudonyms
        select distinct snapshot_date, developer_id, concat('~', developer_id) as pseudonym
        from int_hub__collaboration_developers
        where snapshot_date = date '{week}' and developer_id is not null
    """)
