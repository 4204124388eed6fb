"""`hub-assets status`: the state of a home, section by section. Sections only read; they never wait or write.

Each section is a function that yields lines or tables; `SECTIONS` lists them all.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

from hub_assets.cli.options import HOME, home_of
from hub_assets.cli.printing import console

if TYPE_CHECKING:
    from hub_assets.home import Home

WEEKS_SHOWN: Final = 12


@click.command("status")
@HOME
@click.option("--clean", is_flag=True, help="Apply the retention limits now instead of after the next run.")
def status_command(home: Path | None, clean: bool) -> None:
    """Show a home's weeks, their coverage, stale tables, active runs, the next run, and retention limits.

    Makes no calls to the Hub and can be used during a run. Retention limits are on by default and applied after every
    run. To change one, add a line such as `exports_weeks = 104` to the file `retention.toml` in the home; 0 keeps
    everything. Raw data and published tables are always kept.

    \b
    Examples:
      hub-assets status
      hub-assets status --clean
    """
    chosen = home_of(home)
    if clean:
        from hub_assets.runs import clean_up

        with chosen.locked("building", "hub-assets (status --clean)", console.print):
            for line in clean_up(chosen):
                console.print(f"Removed {line}")
    console.print(f"Home: {chosen.root} ({chosen.source or 'empty'})")
    for title, section in SECTIONS:
        console.print(f"\n{title}", style="bold")
        for shown in section(chosen):
            console.print(f"  {shown}" if isinstance(shown, str) else Padding(shown, (0, 0, 0, 1)))


def _weeks(home: "Home") -> Iterator[str]:
    """Yield a line per listed week: repositories, coverage of histories, and whether the week is published."""
    from hub_assets.hub.sources.listings import LISTINGS

    lake, published = home.lake, _published(home)
    weeks = sorted({week for table in LISTINGS.values() for week in lake.weeks(table.name)}, reverse=True)
    if not weeks:
        yield "none yet; take the first with hub-assets snapshot"
    for week in weeks[:WEEKS_SHOWN]:
        rows = {name: lake.manifest(table.name, week) for name, table in LISTINGS.items()}
        listed = ", ".join(f"{each.rows:,} {name}s" if each.complete else f"no {name}s" for name, each in rows.items())
        histories = ", ".join(
            f"{kind} {_coverage(lake.manifest(f'raw_hub__{kind}', week).details)}"
            for kind in ("commits", "discussions")
        )
        yield f"{week}  {listed}; known: {histories}; {'published' if week in published else 'not published'}"
    if len(weeks) > WEEKS_SHOWN:
        yield f"and {len(weeks) - WEEKS_SHOWN:,} earlier weeks"


def _coverage(details: dict[str, Any]) -> str:
    counts = details.get("coverage") or []
    n_selected = sum(each["n_selected"] for each in counts)
    return f"{sum(each['n_up_to_date'] for each in counts) / n_selected:.1%}" if n_selected else "0%"


def _published(home: "Home") -> set[date]:
    from hub_assets.warehouse.database import WarehouseError, connect

    if not home.warehouse.exists():
        return set()
    try:
        with connect(home.warehouse, read_only=True) as connection:
            weeks = connection.execute("select distinct snapshot_date from mart__repo_activity").fetchall()
            return {week for (week,) in weeks}
    except WarehouseError:
        return set()


def _stale(home: "Home") -> Iterator[str]:
    """Yield a line for each week that has tables built by older code."""
    from hub_assets.assets.staleness import stale_in
    from hub_assets.definitions import build_defs
    from hub_assets.resources import HomeResource
    from hub_assets.warehouse.database import WarehouseBusy

    try:
        stale = stale_in(home, list(assets_of(build_defs(home=HomeResource(root=str(home.root))))))
    except WarehouseBusy:
        yield "unknown while a run is writing"
        return
    if not stale:
        yield "nothing"
    for week, tables in sorted(stale.items(), reverse=True)[:WEEKS_SHOWN]:
        yield f"{week}  {len(tables)} tables: {', '.join(tables[:5])}{', …' if len(tables) > 5 else ''}"
    if stale:
        yield "rebuild with: hub-assets rebuild (or the job rebuild_stale)"


def assets_of(definitions: Any) -> Iterator[Any]:
    """Yield the asset definitions of a code location."""
    import dagster as dg

    yield from (each for each in definitions.assets or [] if isinstance(each, dg.AssetsDefinition))


def _runs(home: "Home") -> Iterator[str]:
    """Yield a line per run that is active or queued."""
    import dagster as dg

    if not (home.dagster / "dagster.yaml").exists():
        yield "nothing"
        return
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        active = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]
        runs = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus(name) for name in active]))
        for record in runs:
            run = record.dagster_run
            week = run.tags.get("dagster/partition", "")
            since = f"{record.create_timestamp:%F %R} UTC"
            yield f"{run.run_id[:8]}  {run.job_name} {week} {run.status.value.lower()} since {since}"
        if not runs:
            yield "nothing"


def _next(home: "Home") -> Iterator[str]:
    """Yield what is left to fetch this week, and when the schedule takes the next snapshot."""
    from hub_assets.hub.sources import response_tables
    from hub_assets.partitions import week_of

    now = datetime.now(UTC)
    present = week_of(now)
    for table in response_tables():
        manifest = home.lake.manifest(table.name, present)
        if manifest.complete and not manifest.details.get("is_complete", True):
            yield f"{table.name} of {present} is incomplete; hub-assets snapshot continues it"
    monday = present + timedelta(days=7)
    yield f"the schedule, if it is switched on, takes the week of {monday} on that Monday at 06:30 UTC"


def _kept(home: "Home") -> Iterator[RenderableType]:
    """Yield the sizes of a home's parts with their limits."""
    from hub_assets.runs import instance_databases
    from hub_assets.upkeep.retention import kept
    from hub_assets.warehouse.publication import older_weeks

    table = Table("part", "size", "kept for", "over the limit", box=None)
    for part in kept(home, datetime.now(UTC), instance_databases(home)):
        limit = f"{part.weeks} weeks" if part.weeks else "always"
        over = f"{part.n_over} {part.unit}" if part.n_over else ""
        table.add_row(part.what, f"{part.size / 1e6:,.1f} MB", limit, over)
    published = (("warehouse.duckdb", home.warehouse), ("older_weeks", older_weeks(home.warehouse)))
    for what, path in (("lake", home.lake.root), *published):
        size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        table.add_row(what, f"{size / 1e6:,.1f} MB", "always", "")
    yield table


SECTIONS: Final[list[tuple[str, Callable[["Home"], Iterator[RenderableType]]]]] = [
    ("Weeks", _weeks),
    ("Stale", _stale),
    ("Running", _runs),
    ("Next", _next),
    ("Kept", _kept),
]
