"""Dagster's UI, on a home with one week, shows what the home contains and which week is stale."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import dagster as dg
import duckdb
import pytest
from playwright.sync_api import Browser, Page

from hub_assets.definitions import defs
from hub_assets.home import Home
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets_tests.browser.conftest import chromium
from hub_assets_tests.golden import WEEK, Golden, hub_of
from hub_assets_tests.integration.test_daemon import LOCATION, ask, dev, until

pytestmark = pytest.mark.slow

STALE = "mart__families"
CHECK = "weeks_are_built_by_this_code"
EXECUTE = """
mutation ($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RESULT = """
query ($key: AssetKeyInput!, $name: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $name, limit: 1) {
    evaluation {
      success
      metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue } }
    }
  }
}
"""


@cache
def checked() -> str:
    """Return the table that the check of the group of `STALE` is attached to."""
    (checks,) = (
        each
        for each in defs().asset_checks or []
        if isinstance(each, dg.AssetChecksDefinition) and each.node_def.name == "code_versions_families"
    )
    (spec,) = checks.check_specs
    return str(spec.asset_key.to_user_string())


@pytest.fixture(scope="module")
def port(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of Dagster's UI for a home in which one table was built by older code."""
    home = Home(golden.copy(tmp_path_factory.mktemp("ui") / "home"))
    with duckdb.connect(str(home.build)) as connection:
        connection.execute("update table_builds set code_version = 'older' where table_name = ?", [STALE])
    with running(build_app(hub_of(), quota=Quota(100_000, 300))) as url, dev(home, url) as (_, chosen):
        yield chosen


@pytest.fixture(scope="module")
def browser(port: int) -> Iterator[Browser]:
    """One browser for this file, started once the UI is up."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, port: int) -> Iterator[Page]:
    """A page of the UI; the test fails if the page logs an error."""
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=f"http://127.0.0.1:{port}")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == [], "the browser's console has errors"


@pytest.fixture(scope="module")
def check_result(port: int) -> dict[str, Any]:
    """The result of the check for stale weeks on the stale home, after a run of only this check."""
    (repository,) = ask(port, LOCATION)["repositoriesOrError"]["nodes"]
    selector = {
        "repositoryLocationName": repository["location"]["name"],
        "repositoryName": repository["name"],
        "jobName": "__ASSET_JOB",
        "assetSelection": [],
        "assetCheckSelection": [{"assetKey": {"path": [checked()]}, "name": CHECK}],
    }
    launched = ask(port, EXECUTE, execution={"selector": selector, "mode": "default"})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]

    def finished() -> str | None:
        status = str(ask(port, STATUS, id=run)["runOrError"]["status"])
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    assert until(finished, 120) == "SUCCESS", f"run {run} of the check did not succeed"
    (execution,) = ask(port, RESULT, key={"path": [checked()]}, name=CHECK)["assetCheckExecutions"]
    return dict(execution["evaluation"])


def test_result_of_check_names_stale_week_and_table(check_result: dict[str, Any]) -> None:
    found = {each["label"]: each.get("text", each.get("intValue")) for each in check_result["metadataEntries"]}
    assert not check_result["success"]
    assert found == {"stale_weeks": 1, "weeks": str(WEEK), "tables": STALE}


def test_lineage_shows_groups(page: Page) -> None:
    page.goto("/asset-groups")
    for group in ("listings", "activity", "families", "report"):
        page.get_by_text(group, exact=True).first.wait_for()


def test_page_of_asset_shows_what_its_catalog_entry_says(page: Page) -> None:
    page.goto("/assets/mart__activity_summary")
    for text in ("duckdb -readonly", "observatory", "personal_data", "preview"):
        page.get_by_text(text).first.wait_for()


def test_page_of_check_names_stale_week(page: Page, check_result: dict[str, Any]) -> None:
    page.goto(f"/assets/{checked()}?view=checks")
    page.get_by_text(CHECK).first.click()
    page.get_by_text(STALE).first.wait_for()
    page.get_by_text(str(WEEK)).first.wait_for()


def test_week_is_materialized_by_clicking(page: Page) -> None:
    page.goto("/assets/mart__activity_summary")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Latest", exact=True).wait_for()
    partitions = dialog.locator("input[type=text]").first
    partitions.fill(str(WEEK))
    partitions.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()
    dialog.wait_for(state="hidden")
    page.goto("/runs")
    page.get_by_text("Success", exact=True).first.wait_for(timeout=300_000)
