"""Every fetch of endless pages (real or apparent) ends and reports whether it is complete."""

from dataclasses import replace
from typing import Any

import pytest

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import Budget
from hub_assets.hub.collect.fetches import HistorySpec, answers
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.listing_pages import first_path, list_pages
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubBroken
from hub_assets.hub.http.paths import number_in
from hub_assets.hub.sources import commits, discussions
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, PAGE, Ask, Case, HostileHub, Reply, link
from hub_assets_tests.hub.made import WEEK, outcomes, rows, state
from hub_assets_tests.hub.tables import ACCOUNTS, COMMITS, DISCUSSIONS, HISTORIES, plan_of

SOME = Selection(("model",), top=4)
FIRST = ("model", f"{6:08x}{0:016x}")
"""The repository `acme/r0`, which has a long history."""


def after(page: int, spoil: Case) -> Case:
    """Spoil all pages from the given page number on."""
    return lambda reply, ask: spoil(reply, ask) if ask.number >= page else reply


def leads_to(where: str) -> Case:
    """Link to a path below the Hub's API; `{n}` is the number of the response."""
    return lambda reply, ask: link(f"http://{{hub}}{where.replace('{n}', str(ask.number))}")(reply, ask)


def itself(reply: Reply, ask: Ask) -> Reply | None:
    return link("http://{hub}" + ask.target)(reply, ask)


def again(reply: Reply, ask: Ask) -> Reply | None:
    """Send the same items for every page, with a link to the next page."""
    item = {"_id": "0" * 24, "id": "0" * 40 if ask.kind == "commits" else "acme/r0"}
    return leads_to(f"{ask.path}?cursor={{n}}&limit=20")(reply.with_json([item]), ask)


def shuffled(reply: Reply, ask: Ask) -> Reply | None:
    """Send rows of the first two pages in a different order each time, with a link to the next page."""
    made = [{"_id": f"{(7 * ask.number + n) % 40:024x}", "id": f"a/b{n}"} for n in range(20)]
    return leads_to(f"{ask.path}?cursor={{n}}&limit=20")(reply.with_json(made), ask)


def nothing(reply: Reply, ask: Ask) -> Reply | None:
    return leads_to(f"{ask.path}?cursor={{n}}")(reply.with_json([]), ask)


ENDLESS_LISTINGS: dict[str, Case] = {
    "to itself": after(2, itself),
    "to the first page": after(2, leads_to(first_path(LISTINGS["model"], 20))),
    "to an earlier page": after(3, leads_to("/api/models?cursor=1&limit=20")),
    "the same page forever": again,
    "the same rows forever": shuffled,
    "empty pages forever": after(2, nothing),
}
INVENTED = ("the same page forever", "the same rows forever")
"""Cases whose pages contain made-up rows."""


@pytest.mark.parametrize("case", ENDLESS_LISTINGS)
def test_endless_listing_fails_and_resumes_where_it_stopped(
    hub: HostileHub, client: HubClient, lake: Lake, case: str
) -> None:
    hub.spoil("listing", ENDLESS_LISTINGS[case])
    with pytest.raises(HubBroken, match="does not end"):
        land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE, outage_backoff=())
    assert len(hub.targets("/api/models?")) <= 10
    assert lake.weeks("raw_hub__models") == []
    hub.heal()
    before = len(hub.asked)
    land_listing(client, lake, LISTINGS["model"], WEEK)
    assert len(hub.asked) - before <= LISTED // PAGE
    if case not in INVENTED:
        listed = sorted(row["_id"] for row in rows(lake, "raw_hub__models"))
        assert listed == [row["_id"] for row in hub.repos["models"]]


@pytest.mark.parametrize(
    "value", ["garbage", "<", '<>; rel="next"', "<http://[::1/api>; rel=next", '</api/x; rel="next"']
)
def test_unreadable_next_link_is_a_failure(hub: HostileHub, client: HubClient, lake: Lake, value: str) -> None:
    hub.spoil("listing", after(2, lambda reply, _: reply.with_headers(link=value)))
    hub.spoil("commits /api/models/acme/r0/.*", after(1, lambda reply, _: reply.with_headers(link=value)))
    with pytest.raises(HubBroken):
        land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE, outage_backoff=())
    assert lake.weeks("raw_hub__models") == []
    hub._cases.pop(0)
    assert land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE).rows == LISTED
    assert len(hub.targets("/api/models?")) == LISTED // PAGE + 1
    land(client, lake, COMMITS, WEEK, SOME)
    assert outcomes(lake, "commits")[FIRST] == "failed"
    assert [len(row["commits"]) for row in rows(lake, "raw_hub__commits") if row["commits"]].count(PAGE) >= 1
    hub.heal()
    land(client, lake, COMMITS, WEEK, SOME)
    assert len(state(lake, "commits")[FIRST]) == 50


def test_listing_stops_at_page_limit(client: HubClient, hub: HostileHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def made_up(reply: Reply, ask: Ask) -> Reply | None:
        return leads_to("/api/models?cursor={n}")(reply.with_json([{"_id": str(ask.number), "id": "a/b"}]), ask)

    monkeypatch.setattr("hub_assets.hub.collect.listing_pages.MOST_PAGES", 7)
    hub.spoil("listing", made_up)
    pages = list_pages(client, LISTINGS["model"], outage_backoff=())
    assert [next(pages).rows for _ in range(6)] == [1] * 6
    with pytest.raises(HubBroken, match="more than 7 pages"):
        next(pages)


def counted(count: int, **fields: Any) -> Case:
    def spoil(reply: Reply, _: Ask) -> Reply:
        return reply.with_json(reply.json | {"count": count} | fields)

    return spoil


def few(reply: Reply, _: Ask) -> Reply:
    body = reply.json
    return reply.with_json(body | {"discussions": body["discussions"][:3], "count": 10**9, "start": 0})


ODD_DISCUSSIONS: dict[str, tuple[Case, int]] = {
    "a count of a billion": (counted(10**9), 120),
    "a count but no pages": (counted(121), 120),
    "a count, and three items per page": (few, 9),
    "a count, and every page claims to be the first": (counted(10**9, start=0), 120),
    "a start beyond all": (counted(10**9, start=10**14), 50),
    "neither count nor start": (lambda reply, _: reply.with_json({"discussions": reply.json["discussions"]}), 120),
    "a count below 0": (counted(-1), 120),
    "a malformed count": (counted(10**30), 120),
}


@pytest.mark.parametrize("case", ODD_DISCUSSIONS)
def test_fewer_discussions_than_counted_are_kept(hub: HostileHub, client: HubClient, lake: Lake, case: str) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    spoil, n = ODD_DISCUSSIONS[case]
    hub.spoil("discussions /api/models/acme/r0/.*", spoil)
    manifest = land(client, lake, DISCUSSIONS, WEEK, SOME)
    assert manifest.details["outcomes"] == {"ok": 4}
    assert manifest.details["is_complete"]
    assert manifest.details["calls"] <= 12
    numbers = [item["num"] for item in state(lake, "discussions")[FIRST]]
    assert len(numbers) == len(set(numbers)) == n
    assert set(numbers) <= set(range(1, 121))


def no_total(case: Case) -> Case:
    def spoil(reply: Reply, ask: Ask) -> Reply:
        spoiled = case(reply, ask)
        assert spoiled is not None
        return replace(spoiled, headers={k: v for k, v in spoiled.headers.items() if k != "x-total-count"})

    return spoil


def numbered(total: str, case: Case) -> Case:
    def spoil(reply: Reply, ask: Ask) -> Reply:
        spoiled = case(reply, ask)
        assert spoiled is not None
        return spoiled.with_headers(x_total_count=total)

    return spoil


COMMIT_LOOPS: dict[str, Case] = {
    "to itself": itself,
    "to itself, without a total": no_total(itself),
    "to the first page": after(1, leads_to("/api/models/acme/r0/commits/main?limit=1000")),
    "the same page forever": again,
    "the same page forever, without a total": no_total(again),
    "empty pages forever": after(1, nothing),
    "to itself, with a total of a billion": numbered(str(10**9), itself),
    "a page number with thirty digits": leads_to("/api/models/acme/r0/commits/main?p=" + "9" * 30),
    "a malformed page number": leads_to("/api/models/acme/r0/commits/main?p=abc&limit=-4"),
}


@pytest.mark.parametrize("case", COMMIT_LOOPS)
def test_endless_commits_fail_alone_and_are_requested_again(
    hub: HostileHub, client: HubClient, lake: Lake, case: str
) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    hub._numbers.clear()
    hub.spoil("commits /api/models/acme/r0/.*", COMMIT_LOOPS[case])
    manifest = land(client, lake, COMMITS, WEEK, SOME, workers=1, budget=Budget(calls=40))
    assert manifest.details["outcomes"] == {"ok": 3, "failed": 1}
    assert manifest.details["calls"] <= 12
    assert outcomes(lake, "commits")[FIRST] == "failed"
    hub.heal()
    assert land(client, lake, COMMITS, WEEK, SOME).details["outcomes"] == {"ok": 1}
    assert len(state(lake, "commits")[FIRST]) == 50


def test_fewer_commits_than_counted_are_kept_with_the_larger_count(
    hub: HostileHub, client: HubClient, lake: Lake
) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    hub.spoil("commits /api/models/acme/r0/.*", lambda reply, _: reply.with_headers(x_total_count=str(10**9)))
    assert land(client, lake, COMMITS, WEEK, SOME).details["outcomes"] == {"ok": 4}
    last = next(r for r in rows(lake, "raw_hub__commits") if r["is_last"] and r["repo_id"] == "acme/r0")
    assert (len(state(lake, "commits")[FIRST]), last["n_total"]) == (50, 10**9)


def test_fetch_ends_once_all_counted_commits_are_read(hub: HostileHub, client: HubClient, lake: Lake) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    hub._numbers.clear()
    hub.spoil("commits /api/models/acme/r0/.*", lambda reply, ask: itself(reply, ask) if "p=2" in ask.target else reply)
    assert land(client, lake, COMMITS, WEEK, SOME).details["outcomes"] == {"ok": 4}
    assert len(state(lake, "commits")[FIRST]) == 50


@pytest.mark.parametrize(
    ("kind", "spec", "total", "kept"), [("commits", commits.SPEC, 50, 40), ("discussions", discussions.SPEC, 120, 100)]
)
def test_history_beyond_page_limit_is_kept_in_part(
    client: HubClient, hub: HostileHub, lake: Lake, kind: str, spec: HistorySpec, total: int, kept: int
) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    (fetch, *_) = [one for one in plan_of(lake, HISTORIES[kind], WEEK) if one.repo_id == "acme/r0"]
    found = list(answers(client, fetch, replace(spec, most_pages=2)))
    assert [(row["outcome"], row["is_last"], row["n_total"]) for row in found] == [
        ("ok", False, total),
        ("ok", True, total),
    ]
    assert sum(len(row[kind]) for row in found) == kept


@pytest.mark.parametrize("kind", ["commits", "discussions"])
def test_endless_history_does_not_use_up_the_budget(hub: HostileHub, client: HubClient, lake: Lake, kind: str) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    hub.spoil("commits /api/models/acme/r0/.*", itself)
    hub.spoil("discussions /api/models/acme/r0/.*", few)
    manifest = land(client, lake, HISTORIES[kind], WEEK, Selection(("model",)), budget=Budget(calls=300))
    assert manifest.details["is_complete"]
    assert sum(manifest.details["outcomes"].values()) == LISTED


@pytest.mark.parametrize("content", ["[]", "null", '"ada"', "7"])
def test_account_that_is_not_an_object_fails(hub: HostileHub, client: HubClient, lake: Lake, content: str) -> None:
    land_listing(client, lake, LISTINGS["model"], WEEK)
    land(client, lake, COMMITS, WEEK, SOME)
    hub.spoil("account", lambda reply, ask: replace(reply, body=content.encode()) if "ada" in ask.path else reply)
    manifest = land(client, lake, ACCOUNTS, WEEK)
    assert manifest.details["outcomes"]["failed"] == 1
    hub.heal()
    assert land(client, lake, ACCOUNTS, WEEK).details["outcomes"] == {}


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/api/x?p=3", 3),
        ("/api/x?p=3&p=4", 4),
        ("/api/x?limit=5&p=0007", 7),
        ("/api/x", None),
        ("/api/x?p=", None),
        ("/api/x?p=-1", None),
        ("/api/x?p=%C2%B2", None),
        ("/api/x?p=" + "9" * 5_000, None),
        ("/api/x?p=1.5", None),
    ],
)
def test_number_in_path(path: str, number: int | None) -> None:
    assert number_in(path, "p") == number
