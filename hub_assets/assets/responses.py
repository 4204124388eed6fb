"""The assets for response tables: commits, discussions, model aliases, author accounts and cards."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from hub_assets.assets.listings import require_present_week
from hub_assets.hub.collect.collection import RefreshRefused, land
from hub_assets.hub.collect.crawl import Progress
from hub_assets.hub.collect.ids import not_listed_note
from hub_assets.hub.collect.plan import QUOTAS, seconds_at
from hub_assets.hub.collect.raw_table import ResponseTable
from hub_assets.hub.collect.selection import PlanError
from hub_assets.hub.http.errors import HubBroken, TokenRefused
from hub_assets.hub.sources import response_tables
from hub_assets.lake.landing import LandingBusy
from hub_assets.lake.parts import Lake
from hub_assets.metadata import column_schema, count_table, preview
from hub_assets.partitions import ONE_WEEK, SNAPSHOTS, snapshot_date_of
from hub_assets.progress import tell
from hub_assets.resources import CrawlResource, HomeResource, HubResource, listings_behind, project

LOG_SECONDS: Final = 30.0
OBSERVATION_SECONDS: Final = 180.0


def build_responses() -> list[dg.AssetsDefinition]:
    """Build an asset for each response table, in the order in which a run collects them."""
    return [_build(table) for table in response_tables()]


def _build(table: ResponseTable) -> dg.AssetsDefinition:
    source = project().tables[table.name]

    @dg.asset(
        name=table.name,
        deps=list(table.reads),
        partitions_def=SNAPSHOTS,
        backfill_policy=ONE_WEEK,
        group_name=source.group,
        kinds={"huggingface", "parquet"},
        description=source.description,
        metadata={"dagster/table_name": table.name},
        # steps that become ready at the same time start in the order of their positions
        op_tags={"dagster/priority": str(-table.position)},
        check_specs=[
            dg.AssetCheckSpec(
                "is_complete",
                asset=table.name,
                description="Nothing is left to fetch this week. If the week is incomplete, the metadata shows its "
                "progress.",
            ),
        ],
    )
    def responses(
        context: dg.AssetExecutionContext, hub: HubResource, home: HomeResource, crawl: CrawlResource
    ) -> dg.MaterializeResult:
        snapshot_date = snapshot_date_of(context)
        home.collecting()
        hub.client.tell = context.log.info
        contact = hub.client.contact(hub.outage_backoff)
        require_present_week(snapshot_date, contact.now, table.name)
        home.home.bind(hub.client.endpoint, contact.population)
        lake = home.home.lake
        try:
            options = crawl.options_for(table, hub.client, Reporter(context, table.name, log=context.log.info))
            options["outage_backoff"] = hub.outage_backoff
            first = _first(table, home, snapshot_date)
            manifest = land(hub.client, lake, table, snapshot_date, crawl.selection, first, **options)
        except HubBroken as error:
            # after a long outage, the week keeps everything collected so far and remains incomplete
            context.log.warning(str(error))
            manifest = lake.manifest(table.name, snapshot_date)
        except (PlanError, RefreshRefused, LandingBusy, TokenRefused) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        details = manifest.details
        if details.get("not_listed"):
            context.log.warning(not_listed_note(details["not_listed"]))
        crawl.spend(table.bucket, details["calls"])
        return dg.MaterializeResult(
            metadata={
                "dagster/partition_row_count": manifest.rows,
                "dagster/column_schema": column_schema(source),
                "preview": preview(_first_rows(lake, table.name, snapshot_date), source.personal),
                "path": dg.MetadataValue.path(str(lake.folder(table.name, snapshot_date))),
                "source": home.home.source,
                "is_complete": details["is_complete"],
                **_coverage_of(details, options["budget"].calls),
                "calls": details["calls"],
                "calls_a_second": round(details["calls"] / details["seconds"], 1) if details["seconds"] else 0.0,
                "answers_set_aside": dg.MetadataValue.json(details.get("set_aside", [])),
                "outcomes_of_this_run": count_table(details["outcomes"]),
                "retries": dg.MetadataValue.json(details["retries"]),
                "throttled": details["throttled"],
                "quota": hub.client.within(table.bucket).pacer.estimate.quota or 0,
                "budget": options["budget"].calls if options["budget"].calls is not None else "no limit",
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="is_complete",
                    passed=details["is_complete"],
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata=_what_is_left(details),
                )
            ],
        )

    return responses


def _first(table: ResponseTable, home: HomeResource, snapshot_date: date) -> pa.Array | None:
    """Return the questions to ask first. Close the database before returning, because a crawl can take days."""
    if table.first is None:
        return None
    listings = set[str]().union(*map(listings_behind, table.reads))
    with home.building(snapshot_date, listings) as connection:
        rows = connection.sql(table.first, params={"week": snapshot_date}).to_arrow_table()
    home.collecting()
    return rows.column(0).combine_chunks()


class Reporter:
    """Reports a crawl's progress: to the terminal at once, to the log every 30 s, to Dagster every few minutes."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        table: str,
        *,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._table = table
        self._log = log
        self._clock = clock
        self._has_begun = False
        self._logged_at = self._observed_at = clock()

    def __call__(self, progress: Progress) -> None:
        """Report the progress."""
        tell(progress)
        now = self._clock()
        if not self._has_begun:
            self._has_begun = True
            self._log(f"{progress.what}: {progress.planned:,} planned")
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            self._log(str(progress))
        if now - self._observed_at >= OBSERVATION_SECONDS:
            self._observed_at = now
            left = progress.seconds_left
            self._context.log_event(
                dg.AssetObservation(
                    self._table,
                    partition=self._context.partition_key,
                    metadata={
                        "done": progress.done,
                        "planned": progress.planned,
                        "calls": progress.calls,
                        "calls_a_second": round(progress.rate, 1),
                        "remaining_in_window": progress.remaining or 0,
                        **({} if left is None else {"hours_left": round(left / 3600, 2)}),
                        **{f"outcome_{outcome}": n for outcome, n in progress.outcomes.items()},
                    },
                )
            )


def _coverage_of(details: dict[str, Any], budget: int | None) -> dict[str, Any]:
    """Return the coverage of histories by repository type, and the plan at the start of the run."""
    if "coverage" not in details:
        return {"planned": details["planned"]["n_left"]}
    before = details["planned"]["coverage"]
    planned_calls = sum(coverage["n_calls"] for coverage in before)
    coverage_rows = [
        {
            "type": coverage["repo_type"],
            "listed": coverage["n_listed"],
            "selected": coverage["n_selected"],
            "up to date": coverage["n_up_to_date"],
            "failed": coverage["n_failed"],
            **{outcome: n for outcome, n in coverage["outcomes"].items() if outcome != "failed"},
        }
        for coverage in details["coverage"]
    ]
    return {
        "coverage": _table(coverage_rows),
        "selection": dg.MetadataValue.json(details["selection"]),
        "planned": sum(coverage["n_selected"] - coverage["n_up_to_date"] for coverage in before),
        "plan": _table(
            [
                {
                    "the Hub's plan": name,
                    "calls in 5 minutes": quota,
                    "hours": round(seconds_at(planned_calls, quota) / 3600, 2),
                }
                for name, quota in QUOTAS.items()
            ]
        ),
        "planned_calls": planned_calls,
        "covered_by_budget": 1.0 if budget is None or planned_calls <= budget else round(budget / planned_calls, 4),
    }


def _what_is_left(details: dict[str, Any]) -> dict[str, Any]:
    if "coverage" not in details:
        return {"left": details["n_left"]}
    return {
        f"{coverage['repo_type']}s": f"{coverage['n_up_to_date']:,} of {coverage['n_selected']:,} up to date"
        for coverage in details["coverage"]
    }


def _table(rows: list[dict[str, Any]]) -> dg.MetadataValue[Any]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return dg.MetadataValue.table(
        [dg.TableRecord({name: row.get(name, 0) for name in columns}) for row in rows],
        dg.TableSchema([dg.TableColumn(name, "string" if i == 0 else "float") for i, name in enumerate(columns)]),
    )


def _first_rows(lake: Lake, table: str, snapshot_date: date) -> list[dict[str, Any]]:
    files = lake.files(table, snapshot_date)
    batches = (batch for file in files[:1] for batch in pq.ParquetFile(file).iter_batches(batch_size=5))
    return next((batch.to_pylist() for batch in batches), [])
