"""From response bytes to journal to Parquet: no history or account response can stop the week."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.crawl import record_of, rows_of
from hub_assets.hub.collect.fetches import Fetch
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.raw_table import Lookup, ResponseTable
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.collect.values import GREATEST_COUNT, Values
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources import accounts, commits, discussions
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.landing import Landing, Record
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import HostileHub, Reply, header, hostile
from hub_assets_tests.hub.made import WEEK, Item, rows, state
from hub_assets_tests.hub.tables import COMMITS, HISTORIES

SOME = Selection(("model",), top=4)
FIRST = ("model", f"{6:08x}{0:016x}")


@contextmanager
def observed() -> Iterator[tuple[HostileHub, HubClient, Lake]]:
    """Yield a Hub, a client, and a lake with the Hub's models."""
    with tempfile.TemporaryDirectory() as folder, hostile() as (hub, _):
        client, lake = HubClient(hub.url, hub.token, attempts=1, backoff=0.001), Lake(Path(folder))
        land_listing(client, lake, LISTINGS["model"], WEEK)
        yield hub, client, lake


@pytest.mark.parametrize("value", [0, 1, 10**12, GREATEST_COUNT, None])
def test_valid_count_is_accepted(value: int | None) -> None:
    values = Values()
    assert (values.count(value), values.type_mismatches) == (value, 0)


@pytest.mark.parametrize(
    "value", [-1, -5, GREATEST_COUNT + 1, 2**63 - 1, 2**63, 2**64, 10**400, True, 1.5, 1.0, float("nan"), "7", [], {}]
)
def test_invalid_count_is_null_and_counted(value: Any) -> None:
    values = Values()
    assert (values.count(value), values.type_mismatches) == (None, 1)


@pytest.mark.parametrize(
    "value",
    [
        *("infinity", "-infinity", "now", "12000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "-0044-03-15T00:00:00Z"),
        *("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "2024-02-30", "0044-03-15 (BC)", ""),
        *(0, 1.5e9, True, ["2024-01-01"]),
    ],
)
def test_invalid_timestamp_is_null_and_counted(value: Any) -> None:
    values = Values()
    assert (values.moment(value), values.type_mismatches) == (None, 1)


TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["\x00", "\ud800", "a\nb", "\u2028", "\U0001f600", "1e5"]))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXTS,
    st.datetimes().map(datetime.isoformat),
    st.sampled_from([-1, 2**63 - 1, 2**63, 2**64, 10**15, 10**400, "0001-01-01T00:00:00+01:00", "infinity"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)


def objects(*names: str, **nested: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that draws arbitrary values, and objects with arbitrary and with well-formed fields."""
    fields: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(names, VALUES)
    return st.one_of(st.fixed_dictionaries({}, optional=fields | nested), VALUES)


COMMIT = objects(*("id", "title", "message", "date"), authors=st.lists(objects("user", "avatar"), max_size=3) | VALUES)
DISCUSSION = objects(
    *("num", "title", "status", "isPullRequest", "createdAt", "numComments"), author=objects("name", "type")
)
PAGES = {
    "commits": st.lists(COMMIT, max_size=3) | VALUES,
    "discussions": objects("count", "start", discussions=st.lists(DISCUSSION, max_size=3)),
    "account": objects(
        *("_id", "user", "name", "fullname", "createdAt"), orgs=st.lists(objects("id", "name"), max_size=2)
    ),
}
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(["", "0", "-1", "5", "9" * 400, str(2**64), "x", "\u00b2", "<", "nan"])
        for name in ("x-total-count", "x-error-code", "x-error-message", "ratelimit", "link", "date", "retry-after")
    },
)


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[HostileHub, HubClient]]:
    with hostile() as (hub, _):
        yield hub, HubClient(hub.url, hub.token, attempts=1, backoff=0.001)


def asked(client: HubClient) -> Iterator[tuple[ResponseTable, list[Item]]]:
    """Request a repository's histories and an account, and yield the rows for each table."""
    for source in (commits, discussions):
        fetch = Fetch("model", FIRST[1], "acme/r0", None, None, 1, 1, 1.0, 1, 0, None, 0)
        yield source.TABLE, list(source.TABLE.ask(client, fetch))
    yield accounts.TABLE, list(accounts.ask(client, Lookup("ada", "account")))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries(PAGES), HEADERS, st.sampled_from([200, 200, 200, 404, 500]))
def test_any_response_is_journaled_as_rows_of_its_table(
    hub: tuple[HostileHub, HubClient], pages: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    server, client = hub
    server.heal()
    for what, page in pages.items():
        content = json.dumps(page).encode()
        server.spoil(what, lambda _, __, content=content: Reply(content, status, headers))  # type: ignore[misc]
    for table, found in asked(client):
        assert found[-1].get("is_last", True)
        rows, counts = rows_of(table.schema, WEEK)([record_of(row) for row in found], [])
        assert counts == {}
        with BytesIO() as file:
            pq.write_table(rows, file)
            written = pq.read_table(file).to_pylist()  # fails for dates that Python cannot represent
        assert [row["outcome"] for row in written] == [row["outcome"] for row in found]


def test_odd_response_does_not_affect_other_repositories() -> None:
    odd: list[Any] = [{"id": "x", "date": "infinity", "authors": [{"user": "\ud800"}], "title": {"a": 1}}, 7]
    discussion = {
        "num": 2**64,
        "numComments": -5,
        "createdAt": "12000-01-01T00:00:00Z",
        "author": None,
        "title": "\x00",
    }
    with observed() as (hub, client, lake):
        hub.commits["acme/r0"] = odd
        hub.spoil("commits .*/r0/.*", header("x-total-count", str(2**64)))
        body = {"discussions": [discussion], "count": 2**64, "start": -1}
        hub.spoil("discussions .*/r0/.*", lambda reply, _: reply.with_json(body))
        for kind in HISTORIES:
            manifest = land(client, lake, HISTORIES[kind], WEEK, SOME)
            assert manifest.details["outcomes"] == {"ok": 4}
            assert manifest.details["n_set_aside"] == 0
        (row,) = (row for row in rows(lake, "raw_hub__discussions") if row["repo_id"] == "acme/r0")
        assert row["discussions"][0]["num"] is None
        assert row["n_type_mismatches"] == 5
        (row,) = (row for row in rows(lake, "raw_hub__commits") if row["repo_id"] == "acme/r0" and row["is_last"])
        assert (row["commits"][0]["id"], row["commits"][0]["date"], row["n_type_mismatches"]) == ("x", None, 3)


POISON: dict[str, Item] = {
    "a total too large for its column": {"n_total": 2**64},
    "a count below all": {"n_fetched": -(2**70)},
    "an impossible year": {"observed_at": "12000-01-01T00:00:00"},
    "an unknown field": {"surprise": 1},
    "a string for a number": {"status": "200"},
}


def poisoned(lake: Lake, table: str, *bodies: bytes) -> None:
    """Write a journal that an earlier version could have left behind."""
    with Landing(lake, table, WEEK, lambda *_: pytest.fail("no part may be written"), adds=True) as landing:
        for body in bodies:
            landing.append(Record({}, body))


def answer(repo: int, page: int, *, is_last: bool, **fields: Any) -> bytes:
    commit = {"id": f"{page:040x}", "title": "t", "date": "2024-01-01T00:00:00", "authors": [], "trailers": []}
    row = {
        **{"observed_at": "2026-11-16T06:30:00", "outcome": "ok", "status": 200, "attempts": 1, "calls": 1},
        **{"repo_type": "model", "repo_key": f"{6:08x}{repo:016x}", "repo_id": f"acme/r{repo}", "fetch_number": 1},
        **{
            "page": page,
            "is_last": is_last,
            "history_version": 1,
            "n_total": 3,
            "n_fetched": page + 1,
            "head": f"{0:040x}",
        },
        "next_path": None if is_last else f"/api/models/acme/r{repo}/commits/main?p={page + 1}&limit=20",
        "listed_sha": f"{repo:040x}",
        "commits": [commit],
    }
    return json.dumps(row | fields).encode()


@pytest.mark.slow
@pytest.mark.parametrize("case", POISON)
def test_damaged_response_journal_from_earlier_version_is_repaired(case: str) -> None:
    with observed() as (hub, client, lake):
        poisoned(
            lake,
            "raw_hub__commits",
            answer(0, 0, is_last=False),
            answer(2, 0, is_last=True),
            answer(0, 1, is_last=False, **POISON[case]),
            answer(3, 0, is_last=True),
            answer(0, 2, is_last=True),
        )
        manifest = land(client, lake, COMMITS, WEEK, SOME)
        # pages after the damaged page would leave a gap, so the fetch resumes before it
        assert manifest.details["set_aside"] == ["model acme/r0, page 1", "model acme/r0, page 2"]
        assert manifest.details["n_set_aside"] == 2
        assert manifest.details["is_complete"]
        targets = hub.targets("/commits/")
        assert not any("/r2/" in target or "/r3/" in target for target in targets)
        assert any(target.endswith("/r0/commits/main?p=1&limit=20") for target in targets)
        assert not any(target.endswith("/r0/commits/main?limit=1000") for target in targets)
        assert len(state(lake, "commits")) == 4
        again = land(client, lake, COMMITS, WEEK, SOME)
        assert (again.details["calls"], again.details["n_set_aside"]) == (0, 2)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b'"text"', b"{}{"])
def test_responses_that_are_not_rows_are_set_aside(body: bytes) -> None:
    good = answer(2, 0, is_last=True)
    convert = rows_of(COMMITS.schema, WEEK)
    rows, counts = convert([Record({}, good), Record({}, body), Record({}, good)], [])
    assert (len(rows), counts["n_set_aside"], counts["set_aside"]) == (2, 1, ["an account"])
    rows, counts = convert([Record({}, body)] * 30, [])
    assert (len(rows), counts["n_set_aside"], len(counts["set_aside"])) == (0, 30, 20)
    assert rows.schema == COMMITS.schema
