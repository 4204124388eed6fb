"""Problems during a long crawl: outages, failures of single repositories, and refreshed weeks."""

import time
from itertools import count
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.collect.fetches import Fetch, Page
from hub_assets.hub.collect.selection import PlanError, Selection
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.errors import HubBroken
from hub_assets.hub.sources.commits import SPEC
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.collect.test_crawl import DOWN, NEXT, after, hub_of
from hub_assets_tests.hub.made import WEEK, listed, outcomes, served, state
from hub_assets_tests.hub.tables import COMMITS, DISCUSSIONS, plan_of

NO_PATH = Response("<html>Not Found</html>", 404, media_type="text/html")
NOT_HELD = JSONResponse({"error": "Not Implemented"}, 501)
OFF = JSONResponse(
    {"error": "Discussions are disabled for this repo"},
    403,
    headers={"X-Error-Message": "Discussions are disabled for this repo"},
)


@pytest.mark.slow
def test_outage_is_waited_out_and_leaves_no_rows(lake: Lake) -> None:
    hub, asked, told = hub_of(120), count(), list[str]()
    with served(hub, attempts=1, say_seconds=0) as client:
        listed(client, lake, WEEK, ("model",))
        client.tell = told.append
        # down from the 31st request on, until the second wait: each is announced once or twice
        hub.before = lambda path: DOWN if "/acme/" in path and next(asked) >= 30 and len(told) < 3 else None
        manifest = land(client, lake, COMMITS, WEEK, workers=8, outage_backoff=(1, 1, 1, 1, 1))
    assert len(told) >= 3
    assert manifest.details["is_complete"]
    assert set(manifest.details["outcomes"]) == {"ok"}
    assert manifest.details["outcomes"]["ok"] == 120
    assert state(lake, "commits") == hub.state("commits")


def test_rows_from_before_a_long_outage_are_readable(lake: Lake) -> None:
    hub = hub_of(100)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        after(hub, 40, DOWN)
        with pytest.raises(HubBroken):
            land(client, lake, COMMITS, WEEK, workers=4, outage_backoff=(0.1, 0.1))
    manifest = lake.manifest("raw_hub__commits", WEEK)
    assert not manifest.details["is_complete"]
    assert manifest.rows == 40


def test_501_of_single_repository_fails_only_that_repository(lake: Lake) -> None:
    hub = hub_of(50)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: NOT_HELD if "/acme/r7/" in path else None
        manifest = land(client, lake, COMMITS, WEEK, workers=1)
        assert manifest.details["outcomes"] == {"ok": 49, "failed": 1}
        hub.before = lambda _: None
        assert land(client, lake, COMMITS, WEEK).details["outcomes"] == {"ok": 1}


def test_removed_api_path_marks_nothing_gone(lake: Lake) -> None:
    hub = hub_of(60)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        after(hub, 0, NO_PATH)
        with pytest.raises(HubBroken, match="Not Found"):
            land(client, lake, COMMITS, WEEK, workers=4)
    assert outcomes(lake, "commits", WEEK) == {}


def test_many_repositories_without_discussions_are_no_failure_streak(lake: Lake) -> None:
    hub = hub_of(40)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = lambda path: OFF if "/discussions" in path else None
        manifest = land(client, lake, DISCUSSIONS, WEEK)
    assert manifest.details["outcomes"] == {"discussions_off": 40}


def test_only_the_repository_that_redirects_to_itself_fails(lake: Lake) -> None:
    hub = hub_of(30)

    def circle(path: str) -> Response | None:
        return JSONResponse({}, 307, headers={"Location": path}) if "/acme/r3/" in path else None

    with served(hub, attempts=2) as client:
        listed(client, lake, WEEK, ("model",))
        hub.before = circle
        manifest = land(client, lake, COMMITS, WEEK)
    assert manifest.details["outcomes"] == {"ok": 29, "failed": 1}


def test_refresh_replaces_nothing_until_it_is_complete(lake: Lake) -> None:
    hub = hub_of(60)
    with served(hub, attempts=1) as client:
        listed(client, lake, WEEK, ("model",))
        land(client, lake, COMMITS, WEEK)
        before = lake.files("raw_hub__commits", WEEK)
        some = Budget(calls=10)
        manifest = land(client, lake, COMMITS, WEEK, refresh=True, budget=some, workers=2)
        assert manifest.details["is_refresh_unfinished"]
        assert lake.files("raw_hub__commits", WEEK) == before
        land(client, lake, COMMITS, WEEK, budget=Budget(calls=0))
        assert lake.files("raw_hub__commits", WEEK) == before
        hub.paths.clear()
        assert land(client, lake, COMMITS, WEEK).details["is_complete"]
    assert 50 <= len(hub.paths) <= 52
    assert not set(lake.files("raw_hub__commits", WEEK)) & set(before)
    assert state(lake, "commits") == hub.state("commits")


def test_listing_without_sha_does_not_hide_new_commits(lake: Lake) -> None:
    hub = hub_of(5)
    with served(hub) as client:
        for week in (WEEK, NEXT):
            for repo in hub.repos:
                repo.commits = [*hub.commits(1), *repo.commits]
            hub.publish()
            listed(client, lake, week, ("model",))
            for file in lake.files("raw_hub__models", week):
                forget_heads(file)
            assert len(plan_of(lake, COMMITS, week)) == 5
            land(client, lake, COMMITS, week)
    assert state(lake, "commits") == hub.state("commits")


def forget_heads(file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(file)
    place = rows.column_names.index("sha")
    pq.write_table(rows.set_column(place, "sha", pa.nulls(len(rows), pa.string())), file)


def test_unlisted_ids_are_an_error(lake: Lake) -> None:
    with served(hub_of(2)) as client:
        listed(client, lake, WEEK, ("model",))
    with pytest.raises(PlanError, match="none of the 1 ids was listed"):
        plan_of(lake, COMMITS, WEEK, Selection(ids=("nobody/none",)))


def trailers_of(message: str) -> list[dict[str, str | None]]:
    fetch = Fetch("model", "k", "a/b", None, None, None, None, 1.0, 1, 0, None, 0)
    items = [{"id": "0" * 40, "message": message, "authors": []}]
    found: list[dict[str, str | None]] = SPEC.keep(fetch, Page(items, 1, 0, 1, None), items, Values()).items[0][
        "trailers"
    ]
    return found


def test_trailer_keeps_name_and_hub_handle_but_no_address() -> None:
    message = (
        "Change\n\nCo-authored-by: Jane Doe <jane@corp.org>\n"
        "co-authored-by:  helen  <mathemakitten@users.noreply.huggingface.co>\n"
        "Co-authored-by: jane@corp.org <jane@corp.org>\nCo-authored-by: <x@y.z>\n"
    )
    assert trailers_of(message) == [
        {"name": "Jane Doe", "handle": None},
        {"name": "helen", "handle": "mathemakitten"},
        {"name": None, "handle": None},
        {"name": "", "handle": None},
    ]


def test_hostile_message_is_parsed_quickly() -> None:
    began = time.process_time()
    assert trailers_of("Co-authored-by:" + " " * 200_000 + "x") == []
    assert trailers_of("Co-authored-by: a" * 20_000) == []
    assert time.process_time() - began < 1
