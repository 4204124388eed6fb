"""SQL models: given input rows for several weeks, the rows expected for one of them."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd
import pytest

from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.warehouse.building import build_week, fill, only, prepare_tables

WEEK, BEFORE = date(2026, 11, 16), date(2026, 11, 9)
Row = dict[str, Any]
Build = Callable[..., list[Row]]


@pytest.fixture
def build(project: Project) -> Iterator[Build]:
    """A function that builds a table and its inputs for WEEK from raw rows and returns the requested columns."""
    with duckdb.connect() as connection:
        prepare_tables(connection, project)

        def run(table: str, columns: str, order: str, **given: list[Row]) -> list[Row]:
            fill(connection, given)
            build_week(connection, only(project, table), WEEK)
            return list(connection.sql(f"select {columns} from {table} order by {order}").to_arrow_table().to_pylist())

        yield run


def model(key: str, name: str, **values: Any) -> Row:
    return {"snapshot_date": WEEK, "observed_at": datetime(2026, 11, 16), "_id": key, "id": name} | values


def test_repositories_of_all_types_have_licenses(build: Build) -> None:
    found = build(
        "int_hub__repositories",
        "repo_type, repo_key, namespace, n_likes, n_downloads, licenses",
        "repo_key",
        raw_hub__models=[
            model("1", "gpt2", likes=3, downloads=5, tags=["license:MIT", "en", "license:other"]),
            model("2", "a/b", tags=[]),
            model("3", "a/c"),
            model("1", "gpt2", likes=1) | {"snapshot_date": BEFORE},
        ],
        raw_hub__datasets=[model("4", "a/b", likes=1, downloads=2, tags=["license:mit"])],
        # a Space's license is in its card, not in a tag
        raw_hub__spaces=[
            model("5", "a/b", likes=7, tags=["gradio"]),
            model("6", "a/c", tags=["gradio"], cardData='{"sdk": "gradio"}'),
            model("7", "a/d", tags=["gradio"], cardData='{"license": "MIT "}'),
            model("8", "a/e", cardData='{"license": ["mit", "other"]}'),
            model("9", "a/f", cardData='{"license": ["Apache 2.0", "none", "my-own", "", "apache-2.0"]}'),
        ],
    )
    assert [tuple(row.values()) for row in found] == [
        ("model", "1", None, 3, 5, ["mit", "other"]),
        ("model", "2", "a", None, None, []),
        ("model", "3", "a", None, None, None),
        ("dataset", "4", "a", 1, 2, ["mit"]),
        ("space", "5", "a", 7, None, None),
        ("space", "6", "a", None, None, []),
        ("space", "7", "a", None, None, ["mit"]),
        ("space", "8", "a", None, None, ["mit", "other"]),
        ("space", "9", "a", None, None, ["apache-2.0", "my-own"]),
    ]


def test_licenses_are_grouped_and_unknown_differs_from_none(build: Build) -> None:
    tags = {"1": ["license:apache-2.0"], "2": ["license:openrail"], "3": ["license:my-own"], "4": [], "5": None}
    found = build(
        "mart__repo_activity",
        "license, license_group",
        "repo_key",
        raw_hub__models=[model(key, f"a/{key}", tags=value) for key, value in tags.items()],
    )
    assert [tuple(row.values()) for row in found] == [
        ("apache-2.0", "permissive"),
        ("openrail", "restrictive"),
        ("my-own", "other"),
        (None, "none"),
        (None, None),
    ]


def test_usage_counts_spaces_by_listed_id(build: Build) -> None:
    given = {
        "raw_hub__models": [model("1", "a/used"), model("2", "a/unused")],
        "raw_hub__spaces": [
            model("s1", "x/1", models=["a/used", "a/used", "gone/gone"]),
            model("s2", "x/2", models=["a/used"]),
            model("s3", "x/3", models=[]),
            model("s4", "x/4"),
        ],
    }
    found = build("mart__repo_activity", "repo_id, n_usage_spaces", "repo_key", **given)
    assert [tuple(row.values()) for row in found] == [
        ("a/used", 2),
        ("a/unused", 0),
        *((f"x/{n}", None) for n in (1, 2, 3, 4)),
    ]
    (resolution,) = build("mart__usage_resolution", "* exclude (snapshot_date)", "1", **given)
    assert resolution == {
        "n_spaces": 2,
        "n_edges": 3,
        "n_edges_resolved": 2,
        "n_edges_by_alias": 0,
        "n_models_named": 2,
        "n_models_unresolved": 1,
        "n_ids_moved": 0,
        "n_ids_gone": 0,
        "n_ids_not_asked": 1,
    }


@pytest.mark.parametrize("spaces", [[], [model("s1", "x/1")]], ids=["no spaces", "models not observed"])
def test_usage_is_unknown_if_no_space_lists_models(build: Build, spaces: list[Row]) -> None:
    (row,) = build(
        "mart__repo_activity",
        "n_usage_spaces, n_commits, commits_outcome, discussions_outcome, n_community",
        "1",
        raw_hub__models=[model("1", "a/b")],
        raw_hub__spaces=spaces,
    )[:1]
    assert list(row.values()) == [None, None, "not_asked", "not_asked", None]


def test_age_counts_days_to_the_monday(build: Build) -> None:
    found = build(
        "mart__repo_activity",
        "age_days",
        "repo_key",
        raw_hub__models=[
            model("1", "a/b", createdAt=datetime(2026, 11, 15, 23, 59)),
            model("2", "a/c", createdAt=datetime(2025, 11, 16)),
        ],
    )
    assert [row["age_days"] for row in found] == [1, 365]


def test_summary_matches_pandas(build: Build) -> None:
    likes = [0, 0, 0, 1, 5, 120, None]
    downloads = [0, 3, 9, 9, 1_000_000, 2, 7]
    given = [
        model(str(n), f"a/{n}", likes=like, downloads=load)
        for n, (like, load) in enumerate(zip(likes, downloads, strict=True))
    ]
    found = {
        row["variable"]: row
        for row in build("mart__activity_summary", "*", "variable", raw_hub__models=given)
        if row["repo_type"] == "model"
    }
    for variable, values in {"n_likes": likes, "n_downloads": downloads}.items():
        series = pd.Series(values, dtype="Int64").dropna().astype(float)
        described = series.describe()
        ours = found[variable]
        for name, label in zip(
            ("n", "mean", "std", "min", "p25", "p50", "p75", "max"),
            ("count", "mean", "std", "min", "25%", "50%", "75%", "max"),
            strict=True,
        ):
            assert ours[name] == pytest.approx(described[label], rel=1e-12), (variable, name)
        assert ours["share_zero"] == pytest.approx((series == 0).mean())
    assert found["n_commits"]["n"] == 0
    assert found["n_commits"]["share_zero"] is None
    assert found["n_usage_spaces"]["n"] == 0


def test_license_shares(build: Build) -> None:
    tags = [["license:mit"], ["license:mit", "license:apache-2.0"], [], [], None]
    found = build(
        "stats__license_shares",
        "license, license_group, n, share_of_repos, share_of_licensed",
        "n desc, license desc",
        raw_hub__models=[model(str(n), f"a/{n}", tags=value) for n, value in enumerate(tags)],
    )
    assert [tuple(row.values()) for row in found] == [
        ("none", "none", 2, 0.5, None),
        ("mit", "permissive", 2, 0.5, 1.0),
        ("apache-2.0", "permissive", 1, 0.25, 0.5),
    ]
