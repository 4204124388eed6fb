"""The terminal summary of a week: its tables, what it leaves out, and how it escapes text."""

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hub_assets import resources
from hub_assets.report.terminal import WIDTH, week_summary
from hub_assets_tests.warehouse.building import Database

WEEK = date(2026, 11, 16)


@pytest.fixture
def database() -> Iterator[Database]:
    project = resources.project()
    database = Database(project, *(model.name for model in project.models if model.layer == "marts"))
    yield database
    database.connection.close()


def shown(database: Database, folder: Path) -> str:
    path = folder / "warehouse.duckdb"
    database.connection.execute(f"attach '{path}' as kept")
    database.connection.execute("copy from database memory to kept")
    database.connection.execute("detach kept")
    console = Console(width=WIDTH, file=io.StringIO())
    console.print(week_summary(path, WEEK))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def tail(variable: str, **values: Any) -> dict[str, Any]:
    row = {"snapshot_date": WEEK, "repo_type": "model", "variable": variable, "n_known": 10, "verdict": "undecided"}
    return row | {"is_right_skewed": True, "skewness": 4.5, "preferred": "undecided"} | values


def test_three_claims_are_shown_side_by_side(database: Database, tmp_path: Path) -> None:
    database.give(
        "mart__activity_summary",
        [
            {
                "snapshot_date": WEEK,
                "repo_type": "model",
                "variable": "n_likes",
                "n": 10,
                "mean": 1.5,
                "share_zero": 0.91,
            }
        ],
    )
    held = {"snapshot_date": WEEK, "repo_type": "model", "variable": "n_likes", "gini": 0.985}
    database.give(
        "stats__concentration",
        [held | {"target_share": target, "share_of_repos": share} for target, share in ((0.8, 0.0092), (0.99, 0.08))],
    )
    database.give(
        "stats__tail_fits",
        [
            tail("n_likes", verdict="supported", preferred="power_law", x_min=7.0, alpha=1.86),
            tail("n_commits", verdict="contradicted", preferred="truncated_power_law", is_right_skewed=False),
            tail("n_committers", verdict="contradicted", preferred="undecided", is_right_skewed=None, skewness=None),
            tail("n_downloads", verdict="not_tested", preferred="power_law"),
            tail("n_community", verdict="too_few", preferred="too_few"),
            tail("n_usage_spaces", n_known=0),
        ],
    )
    lines = [line.split() for line in shown(database, tmp_path).splitlines()]
    assert ["model", "n_likes", "0.92%", "8.00%", "0.985", "4.50", "yes", "7", "1.86", "power", "law"] in lines
    verdicts = {
        tuple(line[:2]): (line[6], " ".join(line[9:])) for line in lines if line[:1] == ["model"] and len(line) > 9
    }
    assert verdicts["model", "n_commits"] == ("no", "cutoff better")
    assert verdicts["model", "n_committers"] == ("-", "not plausible")
    assert verdicts["model", "n_downloads"] == ("yes", "not tested")
    assert verdicts["model", "n_community"] == ("yes", "too few")
    assert ("model", "n_usage_spaces") not in verdicts


def test_license_tests_unmapped_licenses_and_published_values(database: Database, tmp_path: Path) -> None:
    test = {"snapshot_date": WEEK, "variable": "n_likes", "group_a": "permissive", "u_a": 3.0}
    database.give(
        "stats__license_tests",
        [
            test | {"group_b": "restrictive", "rank_biserial": 0.034, "p_holm": 0.25},
            test | {"group_b": "none", "rank_biserial": -0.5, "p_holm": 1e-9},
        ],
    )
    share = {"snapshot_date": WEEK, "repo_type": "model", "license": "my-own", "is_mapped": False, "n": 1200}
    database.give("stats__license_shares", [share | {"share_of_licensed": 0.5, "share_of_repos": 0.4}])
    figure = {"snapshot_date": WEEK, "figure": "Section 4.1.1", "published": 0.91, "relation": "about", "place": 1}
    database.give("mart__published_comparison", [figure | {"quantity": "models n_likes share_zero", "ours": 0.5}])
    text = shown(database, tmp_path)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "n_likes +0.034 (0.250) -0.500 (< 0.001)" in lines
    assert "Licenses without a group, counted as other: my-own (1,200 models)." in lines
    assert "models n_likes share_zero about 91.00% 50.00%" in lines


def test_a_week_without_statistics_has_no_statistics_tables(database: Database, tmp_path: Path) -> None:
    text = shown(database, tmp_path)
    for words in ("power law", "License groups", "Compared with the study", "Collaboration cores", "without a group"):
        assert words not in text


def test_text_from_the_hub_is_never_markup_or_a_terminal_code(database: Database, tmp_path: Path) -> None:
    evil = "[bold]\x1b[31m\u202e\x00" + "x" * 100
    share = {"snapshot_date": WEEK, "repo_type": "model", "license": evil, "is_mapped": False, "n": 1}
    database.give("stats__license_shares", [share | {"share_of_licensed": 0.5, "share_of_repos": 0.4}])
    database.give(
        "mart__activity_summary", [{"snapshot_date": WEEK, "repo_type": "model", "variable": "n_likes", "n": 1}]
    )
    organization = {"snapshot_date": WEEK, "network": "all", "ranking": "usage", "kind": "company", "n_models": 3}
    database.give("network__top_organizations", [organization | {"organization": evil}])
    text = shown(database, tmp_path)
    assert text.count(r"[bold]\x1b[31m\u202e\x00x") == 3
    assert "x…" in text
    assert not set(text) & set("\x1b\u202e\x00")
