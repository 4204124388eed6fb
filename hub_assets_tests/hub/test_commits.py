"""Stored commits have unchanged names, and tokens that contain no part of an e-mail address."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import Response

from hub_assets.hub.collect.collection import land
from hub_assets.hub.collect.fetches import Fetch, Page
from hub_assets.hub.collect.values import Values
from hub_assets.hub.sources.commits import SHARED_TOKEN, TOKEN, keep
from hub_assets.lake.parts import Lake
from hub_assets_tests.hub.made import WEEK, Hub, Repo, listed, rows, served
from hub_assets_tests.hub.tables import COMMITS

JANE = "jane@example.org"


def kept(**commit: Any) -> dict[str, Any]:
    """Return the stored form of a commit."""
    items = [{"id": "a", "title": "x", "message": "", "authors": []} | commit]
    new = Fetch(
        "model", "", "", None, None, None, None, None, fetch_number=1, history_version=0, known_head=None, known_total=0
    )
    (found,) = keep(new, Page(items, None, 0, 1, None), items, Values()).items
    return found


def stored(name: str) -> str:
    ((user, _),) = (author.values() for author in kept(authors=[{"user": name}])["authors"])
    return str(user)


def test_address_used_as_name_is_not_in_the_lake(tmp_path: Path) -> None:
    lake, repo = Lake(tmp_path), Repo("65a0", "acme/one")
    hub = Hub(repo)
    commit: dict[str, Any] = {"id": "a", "title": f"Merge work of {JANE}", "date": "2026-10-05T00:00:00Z"}
    commit |= {"message": f"Co-authored-by: {JANE} <{JANE}>", "authors": [{"user": JANE}, {"user": "ada"}]}
    hub.publish()
    hub.before = lambda path: (
        Response(json.dumps([commit]), media_type="application/json") if "/commits/" in path else None
    )
    with served(hub) as client:
        listed(client, lake, WEEK, ("model",))
        land(client, lake, COMMITS, WEEK)
    (row,) = rows(lake, "raw_hub__commits")
    (found,) = row["commits"]
    assert [author["user"] for author in found["authors"]] == [stored(JANE), "ada"]
    assert (found["title"], found["trailers"]) == ("Merge work of …", [{"name": None, "handle": None}])
    held = b"".join(path.read_bytes() for path in lake.root.rglob("*") if path.is_file()) + repr(row).encode()
    assert not any(part in held for part in (b"jane", b"example.org"))


@pytest.mark.parametrize(
    "name",
    [
        "Jane@Example.ORG",
        "Jane Miller <jane@example.org>",
        "<jane@example.org>",
        "mailto:jane@example.org",
        " jane@example.org. ",
        "jane @ example.org",
        "jane(at)example.org",
        "jane [at] example [dot] org",
        "jane at example dot org",
        "jane%40example.org",
        "jane\uff20example.org",
        "jane@\u200bexample.org",
    ],
)
def test_spellings_of_an_address_share_a_token(name: str) -> None:
    assert stored(name) == stored(JANE) == "address:13d855ce931073d4"


def test_different_addresses_have_different_tokens() -> None:
    assert len({stored(name) for name in (JANE, "jane@example.com", "joan@example.org", "王伟@例子.中国")}) == 4


@pytest.mark.parametrize("name", ["root@localhost", "user@DESKTOP-7", "jane@laptop.local", "you@example.com"])
def test_machine_and_placeholder_addresses_share_a_token(name: str) -> None:
    assert stored(name) == SHARED_TOKEN


@pytest.mark.parametrize("name", ["", "Jane Miller", "@jane", "Jane @ Acme", "J. at Home", "Dot Com", "100%", "a&b"])
def test_names_without_address_are_unchanged(name: str) -> None:
    assert stored(name) == name


@given(st.from_regex(r"[a-z0-9._+-]{6,20}@[a-z]{6,20}(\.[a-z]{2,10}){1,3}", fullmatch=True), st.text(max_size=9))
@example("jane.miller@example.org", "<")
def test_no_part_of_an_address_is_stored(address: str, before: str) -> None:
    found = stored(f"{before} {address}")
    assert found.startswith(TOKEN)
    assert found.removeprefix(TOKEN).isalnum()
    assert address.split("@")[1].split(".")[0] not in found


def test_long_name_takes_linear_time() -> None:
    for name in ("x" * 100_000, "@" * 100_000, "a at " * 20_000, "[" * 100_000, " " * 100_000, "x@" * 50_000):
        stored(name)


@pytest.mark.parametrize(
    ("trailer", "expected"),
    [
        ("Jane M. <jane@users.noreply.huggingface.co>", {"name": "Jane M.", "handle": "jane"}),
        ("jane(at)example.org <jane@users.noreply.huggingface.co>", {"name": None, "handle": "jane"}),
        ("Jane M. <jane@example.org@users.noreply.huggingface.co>", {"name": "Jane M.", "handle": None}),
    ],
)
def test_trailers_never_keep_an_address(trailer: str, expected: dict[str, str | None]) -> None:
    assert kept(message=f"Co-authored-by: {trailer}")["trailers"] == [expected]
