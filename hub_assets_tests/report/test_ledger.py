"""The ledger of published claims: what it may contain, how a week judges it, and whether false claims are caught."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.local_hub.simulated import simulate
from hub_assets.local_hub.simulated.series import Faults, Series
from hub_assets.local_hub.simulated.series_files import write_series
from hub_assets.report.ledger.claims import Claim, Ledger, LedgerError, load_ledger
from hub_assets.report.ledger.judging import STATUSES, judge
from hub_assets.resources import project
from hub_assets_tests.golden import SCALE, SEED, WEEK, Golden
from hub_assets_tests.warehouse.building import Database

SOURCES = {"test": {"citation": "A test", "year": 2026}}
EARLIER = WEEK - timedelta(weeks=52)


def claim(**given: Any) -> dict[str, Any]:
    texts = ("statement", "period", "population", "definition", "tolerance_reason")
    base = {
        "id": "one",
        "source": "test",
        "unit": "share",
        "published": 0.5,
        "tolerance": 0.1,
        **dict.fromkeys(texts, "-"),
    }
    return {"sql": "select value, n from measured where snapshot_date = $week"} | base | given


def ledger_of(*claims: dict[str, Any]) -> Ledger:
    return Ledger.model_validate({"sources": SOURCES, "claims": claims})


def measured(
    weeks: Iterable[tuple[date, float | None, int]], doubted: Iterable[date] = ()
) -> duckdb.DuckDBPyConnection:
    """Return a database with one value per week, and weeks whose model counters are suspect."""
    connection = duckdb.connect()
    connection.execute("create table measured (snapshot_date date, value double, n bigint)")
    connection.execute("create table core__week_quality (snapshot_date date, repo_type varchar, severity varchar)")
    connection.execute("create view mart__repo_activity as from measured")
    for row in weeks:
        connection.execute("insert into measured values (?, ?, ?)", row)
    for week in doubted:
        connection.execute("insert into core__week_quality values (?, 'model', 'error')", [week])
    return connection


def status(connection: duckdb.DuckDBPyConnection, **given: Any) -> tuple[str, str | None]:
    (row,) = judge(ledger_of(claim(**given)), connection, WEEK).to_pylist()
    return row["status"], row["reason"]


def test_the_ledger_has_at_least_40_claims_and_at_most_15_from_the_study() -> None:
    claims = load_ledger().claims
    assert len(claims) >= 40
    of_the_study = [each for each in claims if each.quantity is not None]
    assert 1 <= len(of_the_study) <= 15
    assert {each.source for each in of_the_study} == {"study"}


def test_the_values_of_the_study_match_the_seed() -> None:
    database = Database(project())
    (seed,) = (seed for seed in project().seeds if seed.name == "published_values")
    known = {name for (name,) in database.rows(f"select quantity from read_csv('{seed.path}')")}
    assert {each.quantity for each in load_ledger().claims if each.quantity} <= known


def test_every_query_runs_on_the_warehouse_and_finds_no_data_in_empty_tables() -> None:
    tables = project().tables
    assert load_ledger().tables <= tables.keys()
    assert all(each.tables for each in load_ledger().claims)
    database = Database(project(), *(model.name for model in project().models if not model.is_view))
    judged = judge(load_ledger(), database.connection, WEEK)
    assert set(judged["status"].to_pylist()) == {"not testable"}
    assert set(judged["reason"].to_pylist()) == {"no data", "no earlier week"}


@pytest.mark.parametrize(
    ("given", "value", "expected"),
    [
        ({}, 0.6, "holds"),
        ({}, 0.61, "differs"),
        ({}, 0.39, "differs"),
        ({"relation": "at least"}, 0.99, "holds"),
        ({"relation": "at least"}, 0.39, "differs"),
        ({"relation": "at most"}, 0.0, "holds"),
        ({"relation": "at most"}, 0.61, "differs"),
    ],
)
def test_a_value_is_compared_as_the_claim_says(given: dict[str, Any], value: float, expected: str) -> None:
    assert status(measured([(WEEK, value, 10)]), **given) == (expected, None)


@given(
    st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(0, 1e9), st.sampled_from(["equals", "at least", "at most"])
)
def test_the_published_value_holds_and_values_beyond_the_tolerance_differ(
    published: float, other: float, tolerance: float, relation: str
) -> None:
    one = Claim.model_validate(claim(published=published, tolerance=tolerance, relation=relation))
    low, high = one.allowed(published)
    assert low <= published <= high
    beyond = {"equals": abs(other - published), "at least": published - other, "at most": other - published}[relation]
    if abs(beyond - tolerance) > 1e-5 * max(1, abs(published), abs(other), tolerance):
        assert (low <= other <= high) == (beyond < tolerance)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.45, 0.55, ("holds", None)),
        (0.3, 0.55, ("not testable", "interval too wide")),
        (0.0, 1.0, ("not testable", "interval too wide")),
        (0.7, 0.8, ("differs", None)),
    ],
)
def test_an_interval_that_crosses_a_limit_decides_nothing(
    low: float, high: float, expected: tuple[str, str | None]
) -> None:
    sql = f"select {(low + high) / 2} as value, 10 as n, {low} as low, {high} as high"
    assert status(measured([(WEEK, 0.5, 10)]), sql=sql) == expected


def test_a_week_that_cannot_test_a_claim_gives_the_reason() -> None:
    good = [(EARLIER, 0.4, 10), (WEEK, 0.5, 10)]
    known = {"sql": "select value, n, 0.7 as share_known from measured where snapshot_date = $week"}
    assert status(measured([(WEEK, None, 0)])) == ("not testable", "no data")
    assert status(measured(good), least_n=11) == ("not testable", "too few")
    assert status(measured(good), **known) == ("not testable", "coverage too small")
    assert status(measured(good), **known, least_known=0.7) == ("holds", None)
    assert status(measured(good, [WEEK]), counters=["model"]) == ("not testable", "suspect week")
    assert status(measured(good, [WEEK]), counters=["dataset"]) == ("holds", None)
    assert status(measured(good, [WEEK])) == ("holds", None)


def test_a_change_is_measured_from_an_earlier_week_that_is_close_enough() -> None:
    trend = {"relation": "rises", "compares": "difference", "weeks_back": 52, "tolerance": 0.05, "published": None}
    assert status(measured([(EARLIER, 0.4, 10), (WEEK, 0.5, 10)]), **trend) == ("holds", None)
    assert status(measured([(EARLIER, 0.46, 10), (WEEK, 0.5, 10)]), **trend) == ("differs", None)
    assert status(measured([(EARLIER, 0.4, 10), (WEEK, 0.5, 10)]), **trend | {"relation": "falls"}) == ("differs", None)
    # a quarter without listings is bridged, a longer gap is not
    weeks = [(EARLIER - timedelta(weeks=13), 0.4, 10), (EARLIER + timedelta(weeks=1), 0.9, 10), (WEEK, 0.5, 10)]
    assert status(measured(weeks), **trend) == ("holds", None)
    weeks[0] = (EARLIER - timedelta(weeks=14), 0.4, 10)
    assert status(measured(weeks), **trend) == ("not testable", "no earlier week")
    # the earlier week may be the suspect one
    doubted = measured([(EARLIER, 0.4, 10), (WEEK, 0.5, 10)], [EARLIER])
    assert status(doubted, **trend, counters=["model"]) == ("not testable", "suspect week")
    ratio = {"compares": "ratio", "weeks_back": 52, "unit": "ratio", "published": 2, "tolerance": 0.1}
    assert status(measured([(EARLIER, 0.25, 10), (WEEK, 0.5, 10)]), **ratio) == ("holds", None)
    assert status(measured([(EARLIER, 0.0, 10), (WEEK, 0.5, 10)]), **ratio) == ("not testable", "no data")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"published": None}, "needs a published value"),
        ({"sql": None}, "needs either sql or the quantity"),
        ({"quantity": "models count"}, "needs either sql or the quantity"),
        ({"sql": None, "quantity": "models count"}, "repeats a value of the study"),
        ({"compares": "ratio"}, "needs weeks_back"),
        ({"relation": "rises"}, "rises and falls compare a difference"),
        ({"tolerance": -1}, "greater than or equal to 0"),
        ({"tolerance_reason": " "}, "at least 1 character"),
        ({"source": "nobody"}, "no source is called nobody"),
        ({"colour": "blue"}, "Extra inputs"),
    ],
)
def test_an_incomplete_claim_is_refused_when_the_ledger_loads(
    changed: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump({"sources": SOURCES, "claims": [claim(**changed)]}), encoding="utf-8")
    with pytest.raises(LedgerError, match=problem):
        load_ledger(path)


def test_a_ledger_that_repeats_an_id_or_is_not_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump({"sources": SOURCES, "claims": [claim(), claim()]}), encoding="utf-8")
    with pytest.raises(LedgerError, match="two claims are called one"):
        load_ledger(path)
    path.write_text("claims: [", encoding="utf-8")
    with pytest.raises(LedgerError, match="not valid YAML"):
        load_ledger(path)


def planted() -> dict[str, tuple[str, float, float]]:
    """Claims about the golden week: a query of marts, the simulator's truth, and a false value.

    The true values are computed with numpy from the simulator's own tables, so they share no code with the marts.
    """
    simulation = simulate(WEEK, scale=SCALE, seed=SEED)
    models, datasets = simulation.repos["model"], simulation.repos["dataset"]
    downloads = np.sort(models["downloads"].to_numpy())[::-1]
    likes = models["likes"].to_numpy()
    own = pc.split_pattern(models["id"], "/", max_splits=1).combine_chunks()
    namespaces = pc.list_element(own.filter(pc.greater(pc.list_value_length(own), 1)), 0)
    most = float(pc.max(pc.value_counts(namespaces).field("counts")).as_py())
    spaces = len(simulation.repos["space"])
    of_models = "mart__models where snapshot_date = $week"
    activity = "mart__repo_activity where snapshot_date = $week and repo_type"
    return {
        "models": (f"select count(*) as value, count(*) as n from {of_models}", len(models), len(models) + 1),
        "datasets": (
            "select count(*) as value, count(*) as n from mart__datasets where snapshot_date = $week",
            len(datasets),
            len(datasets) - 1,
        ),
        "spaces": (f"select count(*) as value, count(*) as n from {activity} = 'space'", spaces, spaces + 1),
        "share-without-downloads": (
            f"select avg(cast(n_downloads = 0 as integer)) as value, count(*) as n from {of_models}",
            float(np.mean(downloads == 0)),
            float(np.mean(downloads == 0)) + 0.01,
        ),
        "top-10": (
            "with ranked as (select n_downloads, row_number() over (order by n_downloads desc) as place "
            f"from {of_models}) select sum(n_downloads) filter (where place <= 10) / sum(n_downloads) as value, "
            "count(*) as n from ranked",
            float(downloads[:10].sum() / downloads.sum()),
            float(downloads[:10].sum() / downloads.sum()) - 0.01,
        ),
        "mean-likes": (
            f"select avg(n_likes) as value, count(*) as n from {of_models}",
            float(likes.mean()),
            float(likes.mean()) * 1.02,
        ),
        "most-liked": (
            f"select max(n_likes) as value, count(*) as n from {activity} = 'model'",
            float(likes.max()),
            float(likes.max()) + 1,
        ),
        "largest-namespace": (
            "with sizes as (select count(*) as size from mart__models where snapshot_date = $week "
            "and namespace is not null group by namespace) select max(size) as value, count(*) as n from sizes",
            most,
            most + 1,
        ),
    }


def test_planted_false_claims_differ_and_true_ones_hold(golden: Golden) -> None:
    claims = []
    for name, (sql, truth, falsehood) in planted().items():
        tolerance = abs(truth - falsehood) / 4
        for kind, published in (("true", truth), ("false", falsehood)):
            given = {"sql": sql, "published": published, "tolerance": tolerance, "unit": "coefficient"}
            claims.append(claim(id=f"{kind}-{name}", **given))
            way = "at least" if published >= truth else "at most"
            claims.append(claim(id=f"{kind}-{name}-{way.replace(' ', '-')}", relation=way, **given))
    with duckdb.connect(Home(golden.home).build, read_only=True) as connection:
        judged = judge(ledger_of(*claims), connection, WEEK, is_simulated=True)
    found = dict(zip(judged["claim"].to_pylist(), judged["status"].to_pylist(), strict=True))
    assert len(found) == 4 * len(planted())
    assert found == {name: "holds" if name.startswith("true") else "differs" for name in found}


def test_planted_trends_over_simulated_weeks_hold_and_their_opposites_differ(tmp_path: Path) -> None:
    faults = Faults(gaps=frozenset({7}), stalls={30: 1.0})
    series = Series(0.004, 60, seed=2, faults=faults, unevenness=0.4, kinds=("model",))
    files = write_series(tmp_path / "series", series).folder
    key = {row["snapshot_date"]: row for row in pq.read_table(files / "truth" / "weeks.parquet").to_pylist()}
    now, before = series.mondays[59], series.mondays[6]  # the listing a year earlier is missing
    share = key[now]["share_of_derivatives"] - key[before]["share_of_derivatives"]
    growth = key[now]["n_expected_downloads"] / key[before]["n_expected_downloads"]
    assert abs(share) > 0.02
    assert abs(growth - 1) > 0.2
    with duckdb.connect() as connection:
        connection.execute(f"create table mart__repo_activity as from '{files}/weeks/*.parquet'")
        connection.execute(f"create table repositories as from '{files}/repositories.parquet'")
        connection.execute(
            "create view mart__models as select listed.*, base_repo_key is not null as is_derived "
            "from mart__repo_activity as listed inner join repositories using (repo_type, repo_key)"
        )
        connection.execute(
            "create table core__week_quality as select snapshot_date, repo_type, 'error' as severity "
            f"from '{files}/truth/weeks.parquet' where share_frozen > 0"
        )
        derived = (
            "select sum(n_downloads) filter (where is_derived) / sum(n_downloads) as value, count(*) as n "
            "from mart__models where snapshot_date = $week"
        )
        total = "select sum(n_downloads) as value, count(*) as n from mart__models where snapshot_date = $week"
        up, down = ("rises", "falls") if share > 0 else ("falls", "rises")
        trends = {"sql": derived, "compares": "difference", "weeks_back": 52, "tolerance": 0.01, "published": None}
        ratios = {"sql": total, "compares": "ratio", "weeks_back": 52, "tolerance": 0.15, "counters": ["model"]}
        ledger = ledger_of(
            claim(id="true-trend", relation=up, **trends),
            claim(id="false-trend", relation=down, **trends),
            claim(id="true-growth", published=growth, **ratios),
            claim(id="false-growth", published=1 / growth, **ratios),
            claim(id="suspect", published=growth, **ratios | {"weeks_back": 29}),
        )
        judged = judge(ledger, connection, now, is_simulated=True)
    rows = {row["claim"]: row for row in judged.to_pylist()}
    assert {name: row["status"] for name, row in rows.items()} == {
        "true-trend": "holds",
        "false-trend": "differs",
        "true-growth": "holds",
        "false-growth": "differs",
        "suspect": "not testable",
    }
    assert rows["suspect"]["reason"] == "suspect week"
    assert {rows[name]["compared_date"] for name in ("true-trend", "true-growth")} == {before}


def test_the_golden_week_judges_every_claim_of_the_ledger(golden: Golden) -> None:
    with duckdb.connect(Home(golden.home).warehouse, read_only=True) as connection:
        rows = connection.sql(f"from stats__claims where snapshot_date = date '{WEEK}'").to_arrow_table()
    assert rows["claim"].to_pylist() == [each.id for each in load_ledger().claims]
    assert pc.all(rows["is_simulated"]).as_py()
    by_claim = {row["claim"]: row for row in rows.to_pylist()}
    assert {row["status"] for row in by_claim.values()} == set(STATUSES)
    # the simulator is calibrated to the study, and has a thousandth of today's models
    assert by_claim["models-without-downloads"]["status"] == "holds"
    assert by_claim["models-without-downloads"]["published"] == 0.7099
    assert by_claim["state-models"]["status"] == "differs"
    assert by_claim["pulse-top-10-falls"]["reason"] == "no earlier week"
    assert by_claim["pulse-top-1000"]["reason"] == "too few"
    untested = rows.filter(pc.equal(rows["status"], "not testable"))
    assert untested["reason"].null_count == 0
    assert rows.filter(pc.not_equal(rows["status"], "not testable"))["reason"].null_count == len(rows) - len(untested)


def test_the_command_prints_the_claims_of_a_week(golden: Golden) -> None:
    made = CliRunner().invoke(cli.main, ["claims", "--home", str(golden.home), "--week", str(WEEK)])
    assert made.exit_code == 0, made.output
    assert "Claims that hold" in made.output
    assert "no earlier week" in made.output
    assert "simulated" in made.output
    some = CliRunner().invoke(cli.main, ["claims", "--home", str(golden.home), "--status", "differs"])
    assert "Claims that differ" in some.output
    assert "Claims that hold" not in some.output


def test_the_command_without_claims_says_what_to_do(golden: Golden, tmp_path: Path) -> None:
    nothing = CliRunner().invoke(cli.main, ["claims", "--home", str(tmp_path / "none")])
    assert nothing.exit_code == 2
    assert "run hub-assets snapshot first" in nothing.output
    other = CliRunner().invoke(cli.main, ["claims", "--home", str(golden.home), "--week", "2026-11-09"])
    assert other.exit_code == 2
    assert "choose another --week" in other.output
