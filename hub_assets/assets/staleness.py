"""Finds tables that were built by an older version of the code (a check per group), and rebuilds only them (a job)."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import dagster as dg
import duckdb

from hub_assets.assets.archives import archived_week_tables
from hub_assets.home import Home
from hub_assets.processes import process_mark
from hub_assets.resources import ARCHIVED, LISTED, HomeResource
from hub_assets.run_tags import PROCESS_TAG
from hub_assets.warehouse.builds import TableCode, stale_tables
from hub_assets.warehouse.database import connect

CHECK: Final = "weeks_are_built_by_this_code"
PUBLISHED: Final = "warehouse__published"
REBUILD_STALE: Final = "rebuild_stale"
WEEKS_LISTED: Final = 60
"""Maximum number of weeks named in a check's result, a little more than a year."""


def table_code(definitions: Iterable[dg.AssetsDefinition]) -> dict[str, TableCode]:
    """Return the code behind each table that is built week by week, in dependency order."""
    steps = [step for step in definitions if step.partitions_def is not None]
    specs = {spec.key: spec for step in steps for spec in step.specs if spec.code_version}
    code: dict[str, TableCode] = {}

    def add(key: dg.AssetKey) -> None:
        name = key.to_user_string()
        if key in specs and name not in code:
            reads = [dep.asset_key for dep in specs[key].deps]
            for each in reads:
                add(each)
            code[name] = TableCode(str(specs[key].code_version), frozenset(each.to_user_string() for each in reads))

    for key in specs:
        add(key)
    return code


def stale_weeks(
    connection: duckdb.DuckDBPyConnection, home: Home, code: Mapping[str, TableCode]
) -> dict[date, list[str]]:
    """Return the stale tables of each week that was built and still has its listings; other weeks cannot be rebuilt.

    A week from an archive has only the tables that can be built from listings alone.
    """
    of_archive = {name: each for name, each in code.items() if name in archived_week_tables()}
    built = connection.execute("select 1 from duckdb_tables() where table_name = 'mart__repo_activity'").fetchone()
    rows = connection.execute("select distinct snapshot_date from mart__repo_activity").fetchall() if built else []
    weeks = [week for (week,) in rows]
    listed, archived = (set.intersection(*(set(home.lake.weeks(name)) for name in each)) for each in (LISTED, ARCHIVED))
    own, past = stale_tables(connection, code, weeks), stale_tables(connection, of_archive, weeks)
    stale = {week: names for week, names in past.items() if week in archived}
    return stale | {week: names for week, names in own.items() if week in listed}


def build_code_checks(definitions: Sequence[dg.AssetsDefinition]) -> list[dg.AssetChecksDefinition]:
    """Build a check per group, attached to the last table of the group and run after all its tables."""
    code = table_code(definitions)
    groups = {spec.key.to_user_string(): str(spec.group_name) for step in definitions for spec in step.specs}
    last = {groups[name]: name for name in code}
    return [_code_check(group, [name for name in code if groups[name] == group], code) for group in last]


def _code_check(group: str, tables: Sequence[str], code: Mapping[str, TableCode]) -> dg.AssetChecksDefinition:
    # each group has its own step, because Dagster would split a shared step and number the parts differently in each
    # process; the retry of a killed run would then repeat some checks and leave out others
    @dg.multi_asset_check(
        name=f"code_versions_{group}",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=tables[-1],
                additional_deps=list(tables[:-1]),
                description=f"All weeks of the group {group} were built by the current code. If this check fails, run "
                "the job rebuild_stale, or: hub-assets rebuild",
            )
        ],
    )
    def code_versions(home: HomeResource) -> dg.AssetCheckResult:
        with home.building() as connection:
            stale = stale_weeks(connection, home.home, code)
        found = {week: names for week, each in stale.items() if (names := [n for n in each if n in tables])}
        weeks = ", ".join(map(str, sorted(found, reverse=True)[:WEEKS_LISTED]))
        return dg.AssetCheckResult(
            asset_key=tables[-1],
            check_name=CHECK,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "stale_weeks": len(found),
                **({"weeks": weeks, "tables": ", ".join(sorted(set().union(*found.values())))} if found else {}),
            },
        )

    return code_versions


def stale_in(home: Home, definitions: Sequence[dg.AssetsDefinition]) -> dict[date, list[str]]:
    """Return a home's stale tables by week; empty if no table was ever built.

    Raises:
        WarehouseBusy, WarehouseDamaged: if the build database cannot be read.
    """
    if not home.build.exists():
        return {}
    with connect(home.build, read_only=True) as connection:
        return stale_weeks(connection, home, table_code(definitions))


def steps_of(definitions: Iterable[dg.AssetsDefinition], tables: Iterable[str]) -> list[dg.AssetKey]:
    """Return the assets that a run must select to rebuild and publish the given tables.

    The result can include other tables, because some steps always build all of their tables.
    """
    wanted = {dg.AssetKey(name) for name in (*tables, PUBLISHED)}
    return sorted(
        {
            key
            for step in definitions
            if (found := step.keys & wanted)
            for key in (found if step.can_subset else step.keys)
        }
    )


def build_rebuild_stale(
    definitions: Sequence[dg.AssetsDefinition], home: HomeResource, rebuild_weeks: Callable[[], dg.JobDefinition]
) -> dg.JobDefinition:
    """Build the job that rebuilds stale tables. For each week that has any, it runs the steps that build them.

    Args:
        definitions: all assets.
        home: the home.
        rebuild_weeks: returns the job that builds one week from raw files.
    """

    @dg.op(out=dg.Out(dg.Nothing))
    def rebuild(context: dg.OpExecutionContext) -> None:
        """Rebuild each week's stale tables in a separate run, oldest week first."""
        where = Home(home.home.root)
        # release the lock after this block, because each week's run takes it
        with where.locked("building", f"run {context.run_id[:8]} of {REBUILD_STALE}", context.log.info):
            stale = stale_in(where, definitions)
        if not stale:
            context.log.info("Nothing is stale.")
        failed = []
        for week, tables in stale.items():
            result = rebuild_weeks().execute_in_process(
                instance=context.instance,
                partition_key=str(week),
                asset_selection=steps_of(definitions, tables),
                tags={PROCESS_TAG: process_mark(os.getpid()) or "", "hub_assets/rebuilt_by": context.run_id},
                raise_on_error=False,
            )
            outcome = "rebuilt" if result.success else "failed to rebuild"
            context.log.info(f"{week}: {outcome} {len(tables)} tables in run {result.run_id}")
            if not result.success:
                failed.append(f"{week} (run {result.run_id})")
        if failed:
            raise dg.Failure(f"These weeks could not be rebuilt: {', '.join(failed)}", allow_retries=False)

    @dg.job(
        name=REBUILD_STALE,
        description="Rebuild tables that were built by older code, and publish them. Makes no calls to the Hub.",
    )
    def rebuild_stale() -> None:
        rebuild()

    return rebuild_stale
