from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest

from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.simulated import simulate
from hub_assets_tests.local_hub.conftest import WEEK, Hub

SMALL = simulate(WEEK, scale=0.002)
LISTING = "/api/models?limit=20&sort=likes&expand=likes&expand=tags"


@pytest.fixture
def faulty(start_hub: Callable[..., Hub]) -> Callable[..., Hub]:
    return lambda *specs: start_hub(SMALL.population(), faults=Faults.parse(specs))


@pytest.mark.parametrize(
    "spec", ["", "x", "503@", "503@0", "503x", "418", "503@5x3y", "expand-refused", "slow:long", "move:up", "503:x"]
)
def test_invalid_faults_are_rejected(spec: str) -> None:
    with pytest.raises(ValueError, match=r"is not a valid fault KIND|has an ARG that"):
        Faults.parse([spec])


def test_every_fifth_request_at_most_three_times(faulty: Callable[..., Hub]) -> None:
    hub = faulty("503@5x3")
    statuses = [hub.get("/api/models?limit=1").status_code for _ in range(25)]
    assert [place + 1 for place, status in enumerate(statuses) if status == 503] == [5, 10, 15]


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        "/api/models/ctrl",
        "/api/models/ctrl/commits/main",
        "/api/spaces/none/discussions?p=1",
        "/api/models/ctrl/discussions/1",
        "/api/users/nobody/overview",
        "/api/organizations/openai-community/overview",
    ],
)
def test_faults_strike_listings_infos_histories_and_accounts(faulty: Callable[..., Hub], path: str) -> None:
    assert faulty("500").get(path).status_code == 500


def test_faults_strike_nothing_else(faulty: Callable[..., Hub]) -> None:
    hub = faulty("500")
    assert hub.get("/api/none").status_code == 404
    assert hub.get("/api/whoami-v2").status_code == 401
    assert hub.get("/openai-community/gpt2/raw/main/README.md").status_code in (200, 404)


def test_all_request_types_share_one_count(faulty: Callable[..., Hub]) -> None:
    hub = faulty("503@3")
    paths = ["/api/models?limit=1", "/api/models/ctrl/discussions", "/api/users/nobody/overview"]
    assert [hub.get(path).status_code == 503 for path in (*paths[:2], "/api/none", *paths)] == [
        *(False, False, False),
        *(True, False, False),
    ]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_have_html_bodies(faulty: Callable[..., Hub], status: int) -> None:
    response = faulty(str(status)).get(LISTING)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["RateLimit"]


def test_the_three_kinds_of_429(faulty: Callable[..., Hub]) -> None:
    exhausted = faulty("429").get(LISTING)
    assert exhausted.status_code == 429
    assert exhausted.headers["RateLimit"].startswith('"api";r=0;t=')
    bare = faulty("429-no-headers").get(LISTING)
    assert bare.status_code == 429
    assert "RateLimit" not in bare.headers
    assert "RateLimit-Policy" not in bare.headers
    other = faulty("429-other").get(LISTING)
    assert other.status_code == 429
    assert other.headers["RateLimit"].startswith('"api";r=99999;t=')


def test_slow(faulty: Callable[..., Hub]) -> None:
    response = faulty("slow:0.3").get(LISTING)
    assert response.status_code == 200
    assert timedelta(seconds=0.3) <= response.elapsed < timedelta(seconds=2)


def test_drop(faulty: Callable[..., Hub]) -> None:
    hub = faulty("dropx1")
    with pytest.raises(httpx2.RemoteProtocolError, match="peer closed connection"):
        hub.get(LISTING)
    assert hub.get(LISTING).status_code == 200


def test_not_json(faulty: Callable[..., Hub]) -> None:
    response = faulty("not-json").get(LISTING)
    assert response.status_code == 200
    assert response.text.startswith("<!DOCTYPE html>")


def test_an_expand_name_is_refused(faulty: Callable[..., Hub]) -> None:
    hub = faulty("expand-refused:downloadsAllTime")
    assert hub.get("/api/models?limit=1&expand=downloads").status_code == 200
    for path in ("/api/models?limit=1", "/api/models/ctrl?x"):
        refused = hub.get(f"{path}&expand=downloads&expand=downloadsAllTime")
        assert refused.status_code == 400
        allowed = refused.json()["error"].removeprefix('"expand" must be one of [').removesuffix("]").split(", ")
        assert "downloads" in allowed
        assert "downloadsAllTime" not in allowed


@pytest.mark.parametrize("sort", ["likes", "lastModified", "downloads", "createdAt"])
def test_a_repository_that_moves_is_listed_twice(faulty: Callable[..., Hub], sort: str) -> None:
    hub = faulty("movex1")
    ids = [row["id"] for page in hub.pages(f"/api/models?limit=100&sort={sort}&expand={sort}") for row in page]
    assert len(ids) == len(set(ids)) + 1
    assert ids.count(ids[0]) == 2
    assert ids.index(ids[0], 1) >= 100


@pytest.mark.parametrize("sort", ["likes", "lastModified"])
def test_a_repository_that_moves_ahead_is_never_listed(faulty: Callable[..., Hub], sort: str) -> None:
    hub = faulty("move:neverx1")
    ids = [row["id"] for page in hub.pages(f"/api/models?limit=100&sort={sort}&expand={sort}") for row in page]
    assert len(ids) == len(set(ids)) == len(hub.population.repos["model"]) - 1


def test_a_row_without_id(faulty: Callable[..., Hub]) -> None:
    rows = faulty("row-without-id").rows(LISTING)
    assert len(rows) == 21
    assert [place for place, row in enumerate(rows) if "_id" not in row] == [20]


def test_an_unknown_field(faulty: Callable[..., Hub]) -> None:
    assert all("mystery" in row for row in faulty("unknown-field").rows(LISTING))
    assert all("numFoo" in row for row in faulty("unknown-field:numFoo").rows(LISTING))


def test_an_odd_tag(faulty: Callable[..., Hub]) -> None:
    first, *rest = faulty("odd-tag").rows(LISTING)
    assert first["tags"][-2:] == [42, None]
    assert all(isinstance(tag, str) for row in rest for tag in row["tags"])


def test_faults_can_be_combined(faulty: Callable[..., Hub]) -> None:
    hub = faulty("504@2x1", "unknown-field", "odd-tag@2")
    answers = [hub.get(LISTING) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 504, 200]
    assert 42 not in answers[0].json()[0]["tags"]
    assert 42 in answers[2].json()[0]["tags"]
    assert "mystery" in answers[2].json()[0]
