"""Build a small week, from the Hub to the published warehouse, and read the contents of a home."""

from pathlib import Path
from typing import Any, Final

import dagster as dg
import pyarrow.parquet as pq

from hub_assets.assets.statistics import STATISTICS
from hub_assets.definitions import build_defs
from hub_assets.home import Home
from hub_assets.resources import CrawlResource, HomeResource, HubResource
from hub_assets.warehouse.database import connect

SECRET = "5" * 64
"""Shared by all homes, so that their pseudonyms can be compared."""
LEFT_OUT: Final = (
    *STATISTICS,
    *("network__collaboration_cores", "network__summary", "network__developer_centrality"),
    *("network__model_co_usage", "network__usage_summary", "network__null_models"),
    "network__collaboration_over_time",
)
"""Slow assets, left out because they write their results in the same way as the others."""
FILES_FOR_PEOPLE: Final = ("figure__", "release__", "report__", "search__")
"""Assets that write files rather than published tables; tests of tables leave them out to save time."""
TIMED_TABLES: Final = {"stats__relative_adoption", "stats__release_curves", "stats__survival"}
"""Tables whose values depend on the second in which a model was listed, because they derive from its age."""

DIGITS: Final = 9
"""Significant digits to which doubles must agree where numbers may be added in another order."""


def take_week(
    root: str, url: str, week: str, without: tuple[str, ...] = LEFT_OUT, budget_calls: int | None = None
) -> None:
    """Run the weekly job. This function is meant for a separate process.

    Args:
        root, url, week: the home, the Hub and the partition.
        without: assets to leave out, by the beginnings of their names.
        budget_calls: maximum number of calls for histories; None for no limit.

    Raises:
        AssertionError: if a step fails; its message contains the messages of all failed steps.
    """
    home = Home(Path(root))
    home.root.mkdir(exist_ok=True)
    if not home.secret.exists():
        home.secret.write_text(SECRET)
        home.secret.chmod(0o600)
    hub = HubResource(endpoint=url, use_token=False, attempts=2, backoff=0.01, page_size=50)
    defs = build_defs(
        hub=hub, home=HomeResource(root=root), crawl=CrawlResource(budget_hours=None, budget_calls=budget_calls)
    )
    job = defs.resolve_job_def("weekly_snapshot")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=week,
            asset_selection=[
                key for key in job.asset_layer.executable_asset_keys if not key.to_user_string().startswith(without)
            ],
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    assert result.success, failures_of(result)


def failures_of(result: dg.ExecuteInProcessResult) -> str:
    """Return the messages of all failed steps, with their causes."""
    texts = []
    for event in result.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None:
            texts.append(error.message)
            error = error.cause
    return "\n".join(texts)


def tables_of(database: Path, *, with_times: bool = True) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of a database by table, sorted by all columns, with or without what depends on the clock."""
    columns = "*" if with_times else "columns(lambda name: not ends_with(name, 'observed_at'))"
    with connect(database, read_only=True) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() "
            "where database_name = current_database() and schema_name <> 'publication'"
        )
        return {
            name: connection.execute(f"select {columns} from {name} order by all").fetchall()
            for (name,) in names.fetchall()
            if with_times or name not in TIMED_TABLES
        }


def published_figures(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """Return the published rows by table, without columns of times, and doubles to `DIGITS`."""
    return {
        name: [tuple(f"{value:.{DIGITS}g}" if isinstance(value, float) else value for value in row) for row in rows]
        for name, rows in tables_of(home.warehouse, with_times=False).items()
    }


def raw_rows_of(home: Home) -> dict[str, list[str]]:
    """Return all rows of the lake, sorted and without `observed_at`."""
    return {
        str(file.parent.relative_to(home.root)): sorted(
            repr(row)
            for part in home.lake.files(file.parent.parent.name, day)
            for row in pq.read_table(part).drop_columns(["observed_at"]).to_pylist()
        )
        for file in home.lake.root.glob("*/*/_manifest.json")
        for day in home.lake.weeks(file.parent.parent.name)
    }
