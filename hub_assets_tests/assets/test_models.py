"""A group of SQL models is built in one step: in order, with checks, and skipping the dependents of a failed one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest

from hub_assets.definitions import build_defs
from hub_assets.home import Home
from hub_assets.resources import HomeResource, HubResource, project
from hub_assets.warehouse.database import connect
from hub_assets_tests.golden import WEEK, Golden

USAGE = ["int_hub__model_ids", "int_hub__space_models", "mart__usage_edges", "mart__base_model_edges"]
"""SQL models of the group `usage`; `mart__usage_edges` reads `int_hub__space_models`, which reads the ids."""


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def home(golden: Golden, tmp_path: Path) -> Home:
    return Home(golden.copy(tmp_path / "home"))


def run(
    home: Home,
    instance: dg.DagsterInstance,
    assets: Sequence[str],
    checks: Sequence[dg.AssetCheckKey] | None = None,
    partition_key: str | None = str(WEEK),
) -> dg.ExecuteInProcessResult:
    hub = HubResource(endpoint="http://127.0.0.1:9", use_token=False, attempts=1)
    defs = build_defs(hub=hub, home=HomeResource(root=str(home.root)))
    job = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={dg.AssetKey(name) for name in assets},
        asset_check_selection=None if checks is None else set(checks),
    )
    return job.execute_in_process(
        instance=instance,
        partition_key=partition_key,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def built(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key]


def errors(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.step_failure_data.user_failure_data and event.step_failure_data.user_failure_data.description)
        for event in result.get_step_failure_events()
    )


def break_model(home: Home, model: str) -> None:
    """Make writing to a table fail by replacing it, and the table that a view is turned into, with views."""
    with connect(home.build) as connection:
        connection.execute(f"drop table {model}")
        for name in (model, f"{model}__taken_in"):
            connection.execute(f"create view {name} as select date '2026-11-16' as snapshot_date")


@pytest.mark.slow
def test_one_selected_model_is_built_alone(home: Home, instance: dg.DagsterInstance) -> None:
    result = run(home, instance, ["int_hub__space_models"])
    assert result.success
    assert built(result) == ["int_hub__space_models"]
    checked = {evaluation.asset_key.to_user_string() for evaluation in result.get_asset_check_evaluations()}
    assert checked == {"int_hub__space_models"}


@pytest.mark.slow
def test_failed_model_stops_its_dependents_only_and_is_named_first(home: Home, instance: dg.DagsterInstance) -> None:
    break_model(home, "int_hub__space_models")
    result = run(home, instance, USAGE)
    assert not result.success
    assert set(built(result)) == {"int_hub__model_ids", "mart__base_model_edges"}
    first, *others = errors(result).splitlines()
    assert first.startswith("int_hub__space_models: ")
    assert others == ["mart__usage_edges: not built because int_hub__space_models failed"]


@pytest.mark.slow
def test_nothing_is_published_after_a_failed_step(home: Home, instance: dg.DagsterInstance) -> None:
    break_model(home, "int_hub__space_models")
    before = home.warehouse.read_bytes()
    result = run(home, instance, ["int_hub__space_models", "mart__week_coverage", "warehouse__published"])
    assert "Nothing was published because a step of this run failed." in errors(result)
    assert home.warehouse.read_bytes() == before


def test_failed_check_stops_dependents(home: Home, instance: dg.DagsterInstance) -> None:
    with connect(home.build) as connection:
        connection.execute(
            f"update core__developers set developer_id = null where snapshot_date = date '{WEEK}' and author in "
            f"(select min(author) from int_hub__contributions where snapshot_date = date '{WEEK}')"
        )
    result = run(home, instance, ["int_hub__developer_contributions", "mart__repo_activity"])
    failed = {
        f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    }
    assert not result.success
    assert failed == {"int_hub__developer_contributions: not_null"}
    assert "mart__repo_activity" not in built(result)


@pytest.mark.parametrize("partition_key", [str(WEEK), None])
def test_checks_run_without_building(home: Home, instance: dg.DagsterInstance, partition_key: str | None) -> None:
    table = project().tables["int_hub__space_models"]
    keys = [dg.AssetCheckKey(dg.AssetKey(table.name), test.name) for test in table.data_tests][:2]
    result = run(home, instance, [], keys, partition_key)
    assert result.success
    assert built(result) == []
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} == {key.name for key in keys}


def test_run_opens_the_build_database_once(home: Home) -> None:
    resource = HomeResource(root=str(home.root))
    with dg.DagsterInstance.ephemeral() as instance, dg.build_init_resource_context(instance=instance) as context:
        with resource.yield_for_execution(context) as opened:
            with opened.building() as first, opened.building() as second:
                assert first is second
            opened.release()
            with opened.building() as third:
                assert third is not first
        with pytest.raises(Exception, match="closed"):
            third.execute("select 1")
