"""A published warehouse with the tables that the explorers read, built from raw rows without a crawl."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from hub_assets.networks.families import family_tables
from hub_assets.warehouse.database import replace_week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import SOURCES, models_for, prepare_tables

MARTS = (
    *(
        "mart__repo_activity",
        "mart__activity_summary",
        "mart__history_coverage",
        "mart__organizations",
        "mart__organization_days",
    ),
    *("mart__organization_coverage", "mart__models", "mart__datasets", "mart__spaces", "mart__base_model_edges"),
)
FAMILIES = ("network__family_nodes", "network__family_members", "mart__families", "mart__license_drift")


def publish(path: Path, project: Project, week: date, tables: dict[str, pa.Table]) -> Path:
    """Write a warehouse file that contains the explorers' marts for one week.

    Args:
        path: the file.
        project: the SQL project.
        week: Monday of the week.
        tables: rows of raw tables; every author string is a developer.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        prepare_tables(connection, project)
        for name, rows in tables.items():
            connection.register("given", rows.cast(SOURCES[name]))
            connection.execute(f"create or replace table {name} as from given")
        for model in models_for(project, *MARTS):
            replace_week(connection, model.name, week, model.render(week))
        edges = connection.sql("""
            select edges.* exclude base_repo_id, coalesce(models.repo_id, base_repo_id) as base_repo_id
            from mart__base_model_edges as edges left join mart__models as models
                on edges.base_repo_key = models.repo_key
        """).to_arrow_table()
        downloads = connection.sql("select repo_key, n_downloads from mart__models").to_arrow_table()
        for name, rows in zip(FAMILIES[:2], family_tables(edges, downloads), strict=True):
            connection.register("made", rows)
            replace_week(connection, name, week, f"select date '{week}' as snapshot_date, * from made")
        for model in project.models:
            if model.name in FAMILIES:
                replace_week(connection, model.name, week, model.render(week))
        connection.execute(f"attach '{path}' as published")
        for name in (*MARTS, *FAMILIES, *(seed.name for seed in project.seeds)):
            connection.execute(f"create table published.{name} as from {name}")
        # the rest of the site finds its tables, but they are empty
        for table in project.published:
            columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            connection.execute(f"create table if not exists published.{table.name} ({columns})")
    return path
