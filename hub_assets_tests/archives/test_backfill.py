"""`hub-assets backfill` as users run it, against a local Hub that serves an archive."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from hub_assets import cli
from hub_assets.archives.choosing import choose
from hub_assets.assets.archives import LISTING_MARTS
from hub_assets.home import Home
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.archive_exports import ERAS, HUB_STATS, Era, archive_at, export_listing, upload
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.repositories import Repositories
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import project
from hub_assets.vocabulary import REPO_TYPES, RepoType
from hub_assets.warehouse.database import prepare, replace_week
from hub_assets.warehouse.sql_project import Model
from hub_assets_tests.archives.test_importing import import_to, listed_by_us, normal, uploads_of

FIRST: Final = date(2025, 1, 6)
SCALE: Final = 0.001
LACKS: Final[dict[RepoType, dict[str, set[str]]]] = {
    "model": {"gated": {"is_gated"}, "disabled": {"is_disabled"}, "safetensors": {"n_parameters"}},
    "dataset": {"gated": {"is_gated"}, "disabled": {"is_disabled"}},
    "space": {"disabled": {"is_disabled"}, "cardData": {"license", "licenses", "license_group"}},
}
"""Columns of `mart__repo_activity` that are null because the listing lacked a field."""
SPACES_UNKNOWN: Final = {"n_usage_spaces"}
"""Always null, because no era lists the models that a Space uses."""

Change = Callable[[pa.Table], pa.Table | None]


def population_of(week: date) -> Population:
    return simulated(week, scale=SCALE, seed=4)


def reversed_rows(table: pa.Table) -> pa.Table:
    """Return the rows in reverse order: the same content in different bytes."""
    return table.take(pa.array(range(len(table) - 1, -1, -1)))


def cut(table: pa.Table) -> pa.Table:
    return table.slice(0, len(table) // 3)


def absent(_: pa.Table) -> None:
    return None


def upload_day(
    store: Repositories,
    week: date,
    day: int,
    population: Population,
    era: Era,
    changes: dict[RepoType, Change] | None = None,
) -> None:
    """Apply `changes` to one day's listings and upload them; skip a listing whose change returns None."""
    at = datetime(week.year, week.month, week.day, 13, 7, tzinfo=UTC) + timedelta(days=day)
    repository = archive_at(store, HUB_STATS, at)
    for minute, kind in enumerate(REPO_TYPES):
        table = (changes or {}).get(kind, lambda table: table)(export_listing(population, kind, era))
        if table is not None:
            upload(store, repository, f"{kind}s.parquet", table, at + timedelta(minutes=minute))


@contextmanager
def archive_hub(store: Repositories, today: date) -> Iterator[str]:
    population = Population("an archive", today, {})
    with running(build_app(population, quota=Quota(100_000, 300), repositories=store)) as url:
        before = os.environ.get("HF_ENDPOINT")
        os.environ["HF_ENDPOINT"] = url
        try:
            yield url
        finally:
            os.environ.pop("HF_ENDPOINT")
            if before is not None:
                os.environ["HF_ENDPOINT"] = before


def backfill(home: Path, *options: str) -> Result:
    return CliRunner().invoke(cli.main, ["backfill", "--home", str(home), *options])


def table_of(home: Path, table: str, week: date) -> list[dict[str, Any]]:
    with duckdb.connect(Home(home).warehouse, read_only=True) as connection:
        return rows_of(connection, table, week)


def rows_of(connection: duckdb.DuckDBPyConnection, table: str, week: date) -> list[dict[str, Any]]:
    order = ", ".join(project().tables[table].grain)
    rows = connection.sql(f"from {table} where snapshot_date = date '{week}' order by {order}").to_arrow_table()
    return rows.to_pylist()  # type: ignore[no-any-return]


def listing_marts(files: dict[str, list[Path]], weeks: Sequence[date]) -> dict[tuple[str, date], list[dict[str, Any]]]:
    """Build the listing marts of the given weeks from Parquet files of the raw tables."""
    wanted: set[str] = set()
    waiting = list(LISTING_MARTS)
    while waiting:
        model = project().tables[waiting.pop()]
        if isinstance(model, Model):
            wanted.add(model.name)
            waiting += model.upstream
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        nothing: dict[str, list[Path]] = {one.name: [] for one in project().sources if not one.is_stored}
        prepare(connection, project(), nothing | files)
        for week in weeks:
            for model in project().models:
                if model.name in wanted and not model.is_view:
                    replace_week(connection, model.name, week, model.render(week))
        return {(name, week): rows_of(connection, name, week) for name in LISTING_MARTS for week in weeks}


def originals(population: Population, week: date, folder: Path) -> dict[tuple[str, date], list[dict[str, Any]]]:
    """Build a week's listing marts from our own listing of the population."""
    files: dict[str, list[Path]] = {}
    for kind in REPO_TYPES:
        rows = listed_by_us(population, kind)
        rows = rows.set_column(0, rows.schema.field(0), pa.array([week] * len(rows), pa.date32()))
        path = folder / f"{week}-{kind}.parquet"
        pq.write_table(rows, path)
        files[f"raw_hub__{kind}s"] = [path]
    return listing_marts(files, [week])


Marts = dict[tuple[str, date], list[dict[str, Any]]]


def assert_equal_where_observed(marts: Marts, ours: Marts, week: date, era: Era) -> None:
    """Compare the marts about single repositories with ours; columns that the era does not provide must be null."""
    for name in ("mart__base_model_edges", "mart__repo_activity", "mart__top_repositories"):
        # an archive cannot rank repositories by a variable that no era provides
        ranked = [row for row in ours[name, week] if row.get("variable") not in SPACES_UNKNOWN]
        assert len(marts[name, week]) == len(ranked) > 0
        for was, now in zip(ranked, marts[name, week], strict=True):
            kind = now.get("repo_type", "model")
            unknown = SPACES_UNKNOWN.union(
                *(columns for field, columns in LACKS[kind].items() if field not in era.columns[kind])
            )
            for column in now:
                if column in unknown:
                    assert now[column] is None, (name, column)
                else:
                    assert now[column] == was[column], (name, column, now)
    for row in marts["mart__repo_activity", week]:
        assert all(row[column] is None for column in ("n_commits", "n_discussions", "n_committers", "n_disc_starters"))


@pytest.mark.slow
def test_three_weeks_and_a_gap(tmp_path: Path) -> None:
    store, home = Repositories(tmp_path / "hub"), tmp_path / "home"
    weeks = [FIRST + timedelta(weeks=n) for n in range(4)]
    populations = {week: population_of(week) for week in weeks}
    for week in (weeks[0], weeks[1], weeks[3]):
        upload_day(store, week, 4, populations[week], ERAS[2])
        upload_day(store, week, 6, populations[week], ERAS[2], {"space": cut} if week == weeks[1] else {})
    options = ["--from", str(weeks[0]), "--to", str(weeks[-1])]
    with archive_hub(store, weeks[-1] + timedelta(weeks=5)):
        plan = backfill(home, *options, "--dry-run")
        assert plan.exit_code == 0, plan.output
        assert "4 weeks: 3 to import, 1 without a listing" in plan.output
        assert "no models from 2025-01-19 13:07 to 2025-01-31 13:07" in plan.output
        assert not Lake(home / "lake").weeks("raw_archive__models")
        refused = CliRunner().invoke(cli.main, ["backfill", "--home", str(home), *options], input="n\n")
        assert refused.exit_code == 1
        done = backfill(home, *options, "--yes")
        assert done.exit_code == 0, done.output
        again = backfill(home, *options, "--yes")
        assert "4 weeks: 4 imported" in again.output
        assert "Week 2025" not in again.output
        late = backfill(home, "--from", "2025-03-01", "--to", "2025-01-01")
        assert late.exit_code == 2
        assert "Traceback" not in late.output
    coverage = {week: table_of(home, "mart__week_coverage", week) for week in weeks}
    assert [row["status"] for row in coverage[weeks[2]]] == ["missing"] * 3
    assert [row["source"] for row in coverage[weeks[0]]] == ["hub-stats"] * 3
    assert {row["license"] for row in coverage[weeks[0]]} == {"Apache-2.0"}
    assert {f"{row['first_observed_at']:%a}" for row in coverage[weeks[1]]} == {"Fri"}
    assert {f"{row['first_observed_at']:%a}" for row in coverage[weeks[3]]} == {"Sun"}
    marts = {(name, weeks[3]): table_of(home, name, weeks[3]) for name in LISTING_MARTS}
    assert_equal_where_observed(marts, originals(populations[weeks[3]], weeks[3], tmp_path), weeks[3], ERAS[2])
    assert table_of(home, "mart__repo_activity", weeks[2]) == []


@pytest.mark.slow
def test_a_simulated_year_in_four_eras(tmp_path: Path) -> None:
    store = Repositories(tmp_path / "hub")
    weeks = [FIRST + timedelta(weeks=n) for n in range(52)]
    era = {week: ERAS[n // 13] for n, week in enumerate(weeks)}
    partial_day, truncated, stale, gap, torn = weeks[9], weeks[17], weeks[23], weeks[30], weeks[41]
    friday = {partial_day, truncated, stale}
    populations: dict[date, Population] = {}
    kept = {weeks[3], weeks[20], weeks[33], weeks[50], *friday}
    last: pa.Table | None = None
    for week in weeks:
        population = population_of(week)
        if week in kept:
            populations[week] = population
        if week != gap:
            changes: dict[RepoType, Change] = dict.fromkeys(REPO_TYPES, reversed_rows)
            if week == partial_day:
                changes["space"] = absent
            elif week in (truncated, torn):
                changes["space"] = cut
            elif week == stale:
                repeated = last
                changes["model"] = lambda _, repeated=repeated: repeated  # type: ignore[misc]
            if week != torn:
                upload_day(store, week, 4, population, era[week])
            upload_day(store, week, 6, population, era[week], changes)
        last = reversed_rows(export_listing(population, "model", era[week]))
    lake = Lake(tmp_path / "lake")
    with archive_hub(store, weeks[-1] + timedelta(weeks=5)) as url:
        uploads = uploads_of(url, tmp_path)
        choices = choose(uploads.find(weeks[0], weeks[-1]), weeks)
        for choice in choices:
            import_to(lake, uploads, choice, tmp_path / "down")
    for choice in choices:
        expected, day = "complete", "Fri" if choice.week in friday else "Sun"
        if choice.week == gap or (choice.week, choice.repo_type) == (torn, "space"):
            expected, day = "missing", "-"
        elif choice.week == torn:
            expected = "partial"
        assert choice.status == expected, choice
        assert (f"{choice.upload.at:%a}" if choice.upload else "-") == day, choice
        assert (choice.why is None) == (expected == "complete")
    assert "running median" in str([choice.why for choice in choices if choice.week == torn])
    files = {
        f"raw_archive__{kind}s": [file for week in weeks for file in lake.files(f"raw_archive__{kind}s", week)]
        for kind in REPO_TYPES
    }
    marts = listing_marts(files, list(populations))
    for week, population in populations.items():
        assert_equal_where_observed(marts, originals(population, week, tmp_path), week, era[week])
        for kind in REPO_TYPES:
            [file] = lake.files(f"raw_archive__{kind}s", week)
            rows, ours = (one.sort_by("_id") for one in (pq.ParquetFile(file).read(), listed_by_us(population, kind)))
            for name in set(era[week].columns[kind]) & set(rows.column_names) - {"config", "gguf"}:
                assert normal(rows[name].to_pylist(), name) == normal(ours[name].to_pylist(), name), (week, kind, name)
