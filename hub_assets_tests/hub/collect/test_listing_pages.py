"""Listing pages: start at any page, drop refused fields, and request smaller pages when the Hub times out."""

from datetime import date

import pytest

from hub_assets.hub.collect.listing_pages import SMALLEST_PAGE, list_pages
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken, HubRefused
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.vocabulary import REPO_TYPES, RepoType

POPULATION = simulated(date(2026, 11, 16))
QUOTA = Quota(10_000, 1)


@pytest.mark.parametrize("repo_type", REPO_TYPES)
def test_every_repository_is_listed_once_from_any_start_page(repo_type: RepoType) -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url:
        client = HubClient(url, False)
        pages = list(list_pages(client, LISTINGS[repo_type], page_size=300))
        assert sum(page.rows for page in pages) == len(POPULATION.repos[repo_type])
        assert pages[-1].next_path is None
        again = list(list_pages(client, LISTINGS[repo_type], pages[1].next_path, page_size=300))
        assert [page.content for page in again] == [page.content for page in pages[2:]]


def test_next_path_does_not_contain_the_hub_address() -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url:
        page = next(list_pages(HubClient(url, False), LISTINGS["model"], page_size=10))
    assert page.next_path is not None
    assert page.next_path.startswith("/api/models?")
    with running(build_app(POPULATION, quota=QUOTA)) as elsewhere:
        assert next(list_pages(HubClient(elsewhere, False), LISTINGS["model"], page.next_path)).rows == 10


def test_refused_field_is_dropped_with_a_warning() -> None:
    faults = Faults.parse(["expand-refused:downloadsAllTime"])
    with running(build_app(POPULATION, quota=QUOTA, faults=faults)) as url:
        pages = list(list_pages(HubClient(url, False), LISTINGS["model"]))
    # the Hub returns baseModels only for a single model
    refused = ("baseModels", "downloadsAllTime")
    assert {page.refused for page in pages} == {refused}
    for name in LISTINGS["model"].fields:
        assert (f'"{name}"'.encode() in pages[0].content) == (name not in refused)


def test_field_refused_in_mid_listing_is_dropped_from_that_page_on() -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url:
        first = next(list_pages(HubClient(url, False), LISTINGS["model"], page_size=300))
    faults = Faults.parse(["expand-refused:gguf"])
    with running(build_app(POPULATION, quota=QUOTA, faults=faults)) as url:
        rest = list(list_pages(HubClient(url, False), LISTINGS["model"], first.next_path, first.refused, page_size=300))
    assert first.rows + sum(page.rows for page in rest) == len(POPULATION.repos["model"])
    assert {page.refused for page in rest} == {("baseModels", "gguf")}
    assert b'"gguf"' in first.content
    assert not any(b'"gguf"' in page.content for page in rest)


def test_other_refusals_are_errors() -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url, pytest.raises(HubRefused):
        next(list_pages(HubClient(url, False), LISTINGS["model"], "/api/models?sort=nonsense"))


def test_page_size_is_halved_when_the_hub_times_out() -> None:
    faults = Faults.parse(["504@2x1"])
    with running(build_app(POPULATION, quota=QUOTA, faults=faults)) as url:
        rows = [page.rows for page in list_pages(HubClient(url, False, attempts=1), LISTINGS["dataset"], page_size=200)]
    assert rows[0] == 200
    assert set(rows[1:-1]) == {100}
    assert sum(rows) == len(POPULATION.repos["dataset"])


def test_listing_fails_if_the_hub_always_times_out() -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse(["504"]))
    with running(app) as url, pytest.raises(HubBroken, match="504"):
        list(
            list_pages(
                HubClient(url, False, attempts=1), LISTINGS["model"], page_size=4 * SMALLEST_PAGE, outage_backoff=()
            )
        )
    assert app.state.counters.requests == 3
