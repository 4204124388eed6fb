"""Whatever bytes a response contains, the journal remains readable, and only the data in that response are affected.

Every kind of request is sent over HTTP, journaled and written to Parquet. Rows made of odd JSON values are in
`test_odd_answers` and `collect/test_listing_rows`.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.collect.selection import Selection
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubError
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.hostile import LISTED, PAGE, Ask, Case, HostileHub, Reply, body, hostile
from hub_assets_tests.hub.made import WEEK, State, outcomes, rows, state
from hub_assets_tests.hub.tables import ACCOUNTS, ALIASES, HISTORIES

SOME = Selection(("model",), top=4)
SPOILED = ("model", f"{6:08x}{0:016x}")
CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp037")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["_id", "id", "likes", "date", "num", "discussions", "count"]), inner),
    ),
    max_leaves=6,
)
TEXTS = st.one_of(
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False)), st.text(max_size=8), st.just("[" * 5000)
)
ENCODED = st.builds(
    lambda text, codec: text.encode(codec, "surrogatepass" if "utf" in codec else "replace"),
    TEXTS,
    st.sampled_from(CODECS),
)
BODIES = st.one_of(st.binary(max_size=30), ENCODED)


def damaged(changes: list[tuple[int, int]], cut: int) -> Case:
    """Return a case that changes a few bytes of a good body and cuts off its end."""

    def spoil(reply: Reply, _: Ask) -> Reply:
        assert isinstance(reply.body, bytes)
        content = bytearray(reply.body)
        for place, byte in changes:
            content[place % len(content)] = byte
        return Reply(bytes(content[: len(content) - cut % 9]), reply.status, reply.headers)

    return spoil


CASES = st.one_of(
    BODIES.map(body),
    st.builds(damaged, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3), st.integers(0)),
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[HostileHub, HubClient]]:
    with hostile() as (hub, _):
        hub.repos["spaces"][0]["models"] = ["acme/gone", "acme/lost"]
        yield hub, HubClient(hub.url, hub.token, attempts=1, backoff=0.001)


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(CASES, st.integers(0, LISTED // PAGE - 1))
def test_listing_loses_no_other_page(served: tuple[HostileHub, HubClient], case: Case, page: int) -> None:
    hub, client = served
    hub.heal()

    def spoil(reply: Reply, ask: Ask) -> Reply | None:
        if int(ask.query.get("cursor", 0)) != page:
            return reply
        odd = case(reply, ask)
        assert odd is not None
        return odd.with_headers(**({"link": reply.headers["link"]} if "link" in reply.headers else {}))

    hub.spoil("listing", spoil)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        try:
            land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE, outage_backoff=())
        except HubError:
            assert lake.weeks("raw_hub__models") == []  # never taken for a complete listing
            hub.heal()
            land_listing(client, lake, LISTINGS["model"], WEEK, page_size=PAGE, outage_backoff=())
        listed = {row["_id"]: row["id"] for row in rows(lake, "raw_hub__models")}
    others = [row for n, row in enumerate(hub.repos["models"]) if n // PAGE != page]
    assert {row["_id"]: row["id"] for row in others}.items() <= listed.items()


@pytest.fixture(scope="module")
def listed(served: tuple[HostileHub, HubClient], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake that contains only the listings."""
    hub, client = served
    hub.heal()
    lake = Lake(tmp_path_factory.mktemp("listed"))
    for table in LISTINGS.values():
        land_listing(client, lake, table, WEEK)
    return lake.root


@pytest.fixture(scope="module")
def healthy(served: tuple[HostileHub, HubClient], listed: Path) -> dict[str, State]:
    with copied(listed) as lake:
        for table in HISTORIES.values():
            land(served[1], lake, table, WEEK, SOME)
        return {kind: state(lake, kind) for kind in HISTORIES}


@contextmanager
def copied(root: Path) -> Iterator[Lake]:
    with tempfile.TemporaryDirectory() as folder:
        yield Lake(Path(shutil.copytree(root, Path(folder) / "lake")))


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(CASES)
def test_history_affects_no_other_repository(
    served: tuple[HostileHub, HubClient], listed: Path, healthy: dict[str, State], case: Case
) -> None:
    hub, client = served
    hub.heal()
    hub.spoil("(commits|discussions) /api/models/acme/r0/.*", case)
    with copied(listed) as lake:
        for kind, table in HISTORIES.items():
            manifest = land(client, lake, table, WEEK, SOME)
            assert manifest.details["n_set_aside"] == 0
            assert outcomes(lake, kind)[SPOILED] in ("ok", "failed")
            found = state(lake, kind)
            assert {repo: found.get(repo) for repo in healthy[kind] if repo != SPOILED} == {
                repo: items for repo, items in healthy[kind].items() if repo != SPOILED
            }


@pytest.mark.slow
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(CASES)
def test_lookup_affects_no_other_lookup(served: tuple[HostileHub, HubClient], listed: Path, case: Case) -> None:
    hub, client = served
    hub.heal()
    with copied(listed) as lake:
        land(client, lake, HISTORIES["commits"], WEEK, SOME)
        hub.spoil("info /api/models/acme/gone", case)
        hub.spoil("account /api/(users|organizations)/ada/overview", case)
        aliases = land(client, lake, ALIASES, WEEK)
        accounts = land(client, lake, ACCOUNTS, WEEK, first=pa.array(["grace"]))
        assert aliases.details["n_set_aside"] == accounts.details["n_set_aside"] == 0
        asked = {row["repo_id"]: row["outcome"] for row in rows(lake, ALIASES.name)}
        assert asked.keys() == {"acme/gone", "acme/lost"}
        assert asked["acme/lost"] == "gone"
        assert asked["acme/gone"] in ("gone", "ok", "failed")
        assert {row["author"]: row["outcome"] for row in rows(lake, ACCOUNTS.name)}["grace"] == "ok"
