"""Building the site: which week is built, which earlier site is replaced, and which builds fail."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.report.site.build import VENDOR, NoSite, build_site
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import QueryError
from hub_assets.resources import project
from hub_assets_tests.golden import WEEK, Golden
from hub_assets_tests.report.site.made import BEFORE, opened


@pytest.mark.slow
def test_the_newest_week_is_the_default_and_weeks_stay_beside_each_other(two_week_home: Home, tmp_path: Path) -> None:
    older = build_site(two_week_home.warehouse, tmp_path, BEFORE, project(), source=two_week_home.source)
    newest = build_site(two_week_home.warehouse, tmp_path, None, project(), source=two_week_home.source)
    assert older.index == tmp_path / str(BEFORE) / "index.html"
    assert newest.index == tmp_path / str(WEEK) / "index.html"
    assert (tmp_path / "newest").resolve() == newest.index.parent
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(BEFORE), str(WEEK), "newest"]
    assert str(WEEK) not in older.index.read_text(encoding="utf-8")
    assert "This is the first published week" in (older.index.parent / "changes.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_failed_build_leaves_the_old_site(two_week_home: Home, tmp_path: Path) -> None:
    built = build_site(two_week_home.warehouse, tmp_path, None, project(), source=two_week_home.source)
    before = built.index.read_bytes()

    def broken(week: object) -> dict[str, object]:
        raise RuntimeError("a defect")

    from dataclasses import replace

    from hub_assets.report.site.pages import PAGES

    pages = (PAGES[0], replace(PAGES[1], content=broken))
    with pytest.raises(RuntimeError, match="a defect"):
        build_site(two_week_home.warehouse, tmp_path, None, project(), pages=pages)
    assert built.index.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(WEEK), "newest"]


def test_an_unknown_week_is_refused_with_the_known_ones(two_week_home: Home, tmp_path: Path) -> None:
    with pytest.raises(NoSite, match=rf"2020-01-06 is not published .* it has {BEFORE}, {WEEK}"):
        build_site(two_week_home.warehouse, tmp_path, date(2020, 1, 6), project())
    with pytest.raises(NoSite, match="does not exist"):
        build_site(tmp_path / "warehouse.duckdb", tmp_path, None, project())


def test_entry_page_stays_small_and_needs_no_chart_library(site: Path) -> None:
    parts = [site / "index.html", site / "static" / "site.css", site / "static" / "site.js"]
    assert sum(path.stat().st_size for path in parts) < 1_000_000
    assert "echarts" not in (site / "index.html").read_text(encoding="utf-8")


def test_vendored_files_are_the_published_ones() -> None:
    pinned = json.loads((VENDOR / "vendored.json").read_text(encoding="utf-8"))
    scripts = {path.name for path in VENDOR.glob("*.js")}
    assert set(pinned) == scripts
    for name, facts in pinned.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == facts["sha256"]
        assert (VENDOR / name.replace(".min.js", ".LICENSE.txt")).is_file()


def test_wrong_queries_are_refused(two_week_home: Home) -> None:
    with opened(two_week_home.warehouse) as week:
        week.run(Query("a", "a", "select 1 as n"))
        with pytest.raises(QueryError, match="two queries are called a"):
            week.run(Query("a", "a", "select 2 as n"))
        with pytest.raises(QueryError, match="the query b fails"):
            week.run(Query("b", "b", "select missing from mart__repo_activity"))
        with pytest.raises(QueryError, match="more than 20,000 rows"):
            week.run(Query("c", "c", "select unnest(range(20001)) as n"))


@pytest.mark.slow
def test_the_command_writes_the_site_and_says_where(golden: Golden, tmp_path: Path) -> None:
    home = golden.copy(tmp_path / "home")
    result = CliRunner().invoke(cli.main, ["report", "--home", str(home), "--week", "2026-11-18"])
    assert result.exit_code == 0, result.output
    assert str(home / "report" / str(WEEK) / "index.html") in result.output
    refused = CliRunner().invoke(cli.main, ["report", "--home", str(home), "--week", "2020-01-06"])
    assert refused.exit_code == 2
    assert "is not published" in refused.output


def test_the_demo_ends_with_the_reports_path(golden: Golden) -> None:
    index = golden.home / "report" / str(WEEK) / "index.html"
    assert f"the report: {index}" in golden.output
    assert index.is_file()
