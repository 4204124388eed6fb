import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest

from hub_assets.local_hub.population import Population
from hub_assets_tests.local_hub.conftest import WEEK, Hub

StartHub = Callable[..., Hub]


def next_url(hub: Hub, path: str) -> str:
    return str(hub.get(path).links["next"]["url"])


def cursor_of(url: str) -> Any:
    return json.loads(base64.b64decode(parse_qs(urlsplit(url).query)["cursor"][0]))


def of_models(**columns: list[Any]) -> Population:
    ids = [f"o/m{place}" for place in range(len(next(iter(columns.values()))))]
    keys = [f"65000000000000000000000{place}" for place in range(len(ids))]
    return Population("made", WEEK, {"model": pa.table({"_id": keys, "id": ids} | columns)})


@pytest.mark.parametrize("sort", ["likes", "lastModified", "createdAt"])
def test_the_cursor_filters_for_rows_after_the_last_one(hub: Hub, sort: str) -> None:
    path = f"/api/models?sort={sort}&limit=7&expand={sort}"
    last = hub.rows(path)[-1]
    assert cursor_of(next_url(hub, path)) == {
        "$or": [{sort: last[sort], "_id": {"$gt": last["_id"]}}, {sort: {"$lt": last[sort]}}]
    }


def test_the_cursor_of_downloads_includes_missing_values(hub: Hub) -> None:
    cursor = cursor_of(next_url(hub, "/api/models?sort=downloads&limit=3"))
    assert cursor["$or"][2] == {"downloads": None}


def test_the_next_link_is_absolute_and_keeps_the_parameters(hub: Hub) -> None:
    url = next_url(hub, "/api/models?filter=license:mit&expand[]=tags&limit=2")
    assert url.startswith(f"{hub.url}/api/models?")
    query = parse_qs(urlsplit(url).query)
    assert query.pop("cursor")
    assert query == {"filter": ["license:mit"], "expand[]": ["tags"], "limit": ["2"], "sort": ["trendingScore"]}
    assert set(url.partition("&cursor=")[2]).isdisjoint("=+/&")


def test_the_default_sort_is_trending(hub: Hub) -> None:
    rows = hub.rows("/api/models?limit=50")
    assert [r["trendingScore"] for r in rows] == sorted((r["trendingScore"] for r in rows), reverse=True)
    assert "trendingScore" in cursor_of(next_url(hub, "/api/models?limit=50"))["$or"][0]


@pytest.mark.parametrize("sort", ["createdAt", "likes", "trendingScore", "downloads", "lastModified"])
def test_following_pages_lists_everything_once_and_in_order(hub: Hub, sort: str) -> None:
    rows = [row for page in hub.pages(f"/api/datasets?sort={sort}&limit=100&expand={sort}") for row in page]
    assert len(rows) == len(hub.population.repos["dataset"])
    assert len({row["_id"] for row in rows}) == len(rows)
    by_id = sorted(rows, key=lambda row: row["_id"])
    assert rows == sorted(by_id, key=lambda row: row[sort], reverse=True)


def test_rows_without_the_sort_key_come_last_and_are_not_lost(start_hub: StartHub) -> None:
    hub = start_hub(of_models(likes=[None, 3, None, 5, 0], tags=[["a"]] * 5))
    pages = list(hub.pages("/api/models?sort=likes&limit=2&expand=likes"))
    assert [row["id"] for page in pages for row in page] == ["o/m3", "o/m1", "o/m4", "o/m0", "o/m2"]
    # if the column was not recorded, the sort key is missing in every row
    pages = list(hub.pages("/api/models?sort=downloads&limit=2&expand=tags"))
    assert [len(page) for page in pages] == [2, 2, 1]


def test_a_limit_above_the_cap_is_silently_reduced(hub: Hub, start_hub: StartHub) -> None:
    assert len(hub.rows("/api/models?limit=5000")) == 1000
    assert len(hub.rows("/api/models")) == 1000
    assert len(start_hub(page_cap=10).rows("/api/models?limit=100")) == 10


def test_the_last_page_has_no_link(hub: Hub) -> None:
    *_, last = hub.pages("/api/datasets?limit=500")
    response = hub.get("/api/datasets?limit=1000")
    assert "Link" not in response.headers
    assert 0 < len(last) < 500


def test_pages_show_live_data(start_hub: StartHub) -> None:
    hub = start_hub(of_models(likes=[50, 40, 30, 20, 10]))
    first = hub.get("/api/models?sort=likes&limit=2")
    hub.population.change("model", "o/m0", likes=25)  # already listed, moves behind the cursor
    hub.population.change("model", "o/m4", likes=99)  # not listed yet, moves ahead of the cursor
    rest = [row["id"] for page in hub.pages(first.links["next"]["url"]) for row in page]
    assert [row["id"] for row in first.json()] == ["o/m0", "o/m1"]
    assert rest == ["o/m2", "o/m0", "o/m3"]


def test_a_changed_row_is_served_with_its_changes(start_hub: StartHub) -> None:
    hub = start_hub()
    model = hub.rows("/api/models?limit=1")[0]["id"]
    hub.population.change("model", model, tags=["new"], gated="manual", cardData='{"license":"mit"}')
    row = hub.get(f"/api/models/{model}").json()
    assert (row["tags"], row["gated"], row["cardData"]) == (["new"], "manual", {"license": "mit"})


def test_expand_returns_exactly_the_requested_fields(hub: Hub) -> None:
    for spelling in ("expand=sha&expand=likes", "expand[]=sha&expand[]=likes"):
        assert {frozenset(row) for row in hub.rows(f"/api/models?limit=20&{spelling}")} == {
            frozenset({"_id", "id", "sha", "likes"})
        }


def test_unknown_values_are_left_out(start_hub: StartHub) -> None:
    hub = start_hub(of_models(likes=[1, None]))
    rows = hub.rows("/api/models?expand=likes&expand=sha&expand=private&expand=author&sort=createdAt")
    shared = {"private": False, "author": "o"}
    assert [{k: v for k, v in row.items() if k not in ("_id", "id")} for row in rows] == [{"likes": 1} | shared, shared]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("models", name) for name in ("_id", "baseModels", "childrenModelCount", "usedStorage", "nonsense")),
        ("datasets", "pipeline_tag"),
        ("spaces", "downloads"),
        ("spaces", "gated"),
    ],
)
def test_an_invalid_expand_name_is_rejected(hub: Hub, kind: str, name: str) -> None:
    response = hub.get(f"/api/{kind}?expand=likes&expand={name}")
    assert response.status_code == 400
    message = response.json()["error"]
    assert message.startswith('"expand" must be one of [author, ')
    assert message.endswith("]")
    assert name not in message.partition("[")[2].rstrip("]").split(", ")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "sort=size",
        "cursor=%%%",
        "cursor=bm8=",
        "sort=likes&cursor=" + base64.b64encode(b'{"$or":[{"downloads":1,"_id":{"$gt":"a"}}]}').decode(),
        "sort=likes&cursor=" + base64.b64encode(b'{"$or":[{"likes":"x","_id":{"$gt":"a"}}]}').decode(),
        "sort=likes&cursor=" + base64.b64encode(b'{"$or":[{"likes":1,"_id":7}]}').decode(),
        "sort=likes&cursor=" + base64.b64encode(b'{"$or":[{"likes":1%s,"_id":{"$gt":"a"}}]}' % (b"0" * 400)).decode(),
        "sort=createdAt&cursor=" + base64.b64encode(b'{"$or":[{"createdAt":1,"_id":{"$gt":"a"}}]}').decode(),
        "sort=createdAt&cursor="
        + base64.b64encode(b'{"$or":[{"createdAt":"2026-09-06T22:00:00","_id":{"$gt":"a"}}]}').decode(),
        "cursor=" + base64.b64encode(b"[]").decode(),
    ],
)
def test_bad_parameters_are_rejected(hub: Hub, query: str) -> None:
    response = hub.get(f"/api/models?{query}")
    assert response.status_code == 400
    assert response.json()["error"] == response.headers["X-Error-Message"]


def test_fields_of_each_mode(hub: Hub) -> None:
    def fields(path: str) -> set[str]:
        return set().union(*hub.rows(path))

    default = {"_id", "id", "likes", "trendingScore", "private", "downloads", "tags", "createdAt", "modelId"}
    default |= {"pipeline_tag", "library_name"}
    assert fields("/api/models?limit=200") == default
    assert fields("/api/models?limit=200&full=true") == default | {"author", "gated", "lastModified", "sha"}
    assert fields("/api/models?limit=200&cardData=true") == default | {"cardData"}
    assert fields("/api/models?limit=200&config=true") == default | {"config"}
    assert fields("/api/models?limit=200&expand=config&expand=gguf") == {"_id", "id", "config", "gguf"}
    assert "cardData" not in fields("/api/datasets?limit=200")
    assert "cardData" in fields("/api/datasets?limit=200&full=true")
    assert fields("/api/datasets?limit=200") >= {"author", "sha", "gated", "disabled", "description"}
    space = {"_id", "id", "likes", "trendingScore", "private", "tags", "sdk", "createdAt"}
    assert fields("/api/spaces?limit=200") == space
    assert fields("/api/spaces?limit=200&linked=true") == space | {"models", "datasets"}
    assert fields("/api/spaces?limit=200&full=true") >= space | {"models", "runtime", "subdomain", "author"}


def test_filters_narrow_a_listing(hub: Hub) -> None:
    mit = hub.rows("/api/models?filter=license:mit&expand=tags&expand=author&expand=pipeline_tag&expand=gated")
    assert mit
    assert all("license:mit" in row["tags"] for row in mit)
    english = hub.rows("/api/models?filter=license:mit&filter=en")
    assert {row["id"] for row in english} == {row["id"] for row in mit if "en" in row["tags"]}
    author = mit[0]["author"]
    assert {row["id"].split("/")[0] for row in hub.rows(f"/api/models?author={author}")} == {author}
    assert all("gpt2" in row["id"] for row in hub.rows("/api/models?search=GPT2"))
    assert {row["pipeline_tag"] for row in hub.rows("/api/models?pipeline_tag=translation")} == {"translation"}
    assert {row["gated"] for row in hub.rows("/api/models?gated=true&expand=gated")} <= {"auto", "manual"}
    assert {row["gated"] for row in hub.rows("/api/models?gated=false&expand=gated")} == {False}
    users = hub.rows("/api/spaces?models=gpt2")
    assert users
    assert all("gpt2" in row["models"] for row in users)
    assert all(row["models"] or row["datasets"] for row in hub.rows("/api/spaces?linked=true"))


def test_following_pages_of_a_filtered_listing_lists_everything_once(hub: Hub) -> None:
    small = [row["_id"] for page in hub.pages("/api/models?filter=license:mit&limit=9") for row in page]
    assert sorted(small) == sorted(row["_id"] for row in hub.rows("/api/models?filter=license:mit"))
    assert len(set(small)) == len(small) > 9
