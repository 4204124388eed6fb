from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.middleware import _HubClock
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import simulated
from hub_assets.local_hub.simulated.famous_models import WITHDRAWN
from hub_assets.vocabulary import RepoType
from hub_assets_tests.local_hub.conftest import WEEK, Hub

StartHub = Callable[..., Hub]
TOKEN = {"authorization": "Bearer hf_test"}


def test_missing_is_401_without_a_token_and_404_with_one(hub: Hub) -> None:
    anonymous = hub.get("/api/models/nobody/nothing")
    assert anonymous.status_code == 401
    assert anonymous.json() == {"error": "Invalid username or password."}
    assert anonymous.headers["X-Error-Message"] == "Invalid username or password."
    assert "X-Error-Code" not in anonymous.headers
    known = hub.get("/api/models/nobody/nothing", headers=TOKEN)
    assert known.status_code == 404
    assert known.headers["X-Error-Code"] == "RepoNotFound"


@pytest.mark.parametrize("token", ["hf_invalid", "something", "Basic x"])
def test_a_bad_token_is_rejected_everywhere(hub: Hub, token: str) -> None:
    for path in ("/api/models", "/api/whoami-v2", "/api/models/openai-community/gpt2"):
        response = hub.get(path, headers={"authorization": f"Bearer {token}"})
        assert response.status_code == 401
        assert response.headers["X-Error-Message"] == "Invalid credentials in Authorization header"


def test_whoami(hub: Hub) -> None:
    assert hub.get("/api/whoami-v2").status_code == 401
    assert hub.get("/api/whoami-v2", headers=TOKEN).json()["type"] == "user"


def test_info_accepts_only_main_and_the_sha_as_revision(hub: Hub) -> None:
    path = "/api/models/openai-community/gpt2"
    plain = hub.get(path).json()
    assert hub.get(f"{path}/revision/main").json() == plain
    assert hub.get(f"{path}/revision/{plain['sha']}").json() == plain
    missing = hub.get(f"{path}/revision/refs%2Fpr%2F1")
    assert missing.status_code == 404
    assert missing.headers["X-Error-Code"] == "RevisionNotFound"
    assert missing.headers["X-Error-Message"] == "Invalid rev id: refs/pr/1"


def test_an_unusual_revision_is_just_not_found(hub: Hub) -> None:
    unicode = hub.get("/api/models/ctrl/revision/%F0%9F%A4%97")
    assert (unicode.status_code, unicode.headers["X-Error-Message"]) == (404, r"Invalid rev id: \U0001f917")
    for rev in ("a%0D%0AX-Other:%201", "a%0Ab", "a%0Db"):
        response = hub.get(f"/api/models/ctrl/revision/{rev}")
        assert response.status_code == 404
        assert "X-Error-Code" not in response.headers


def test_ids_may_have_a_single_part(hub: Hub) -> None:
    row = hub.get("/api/models/ctrl").json()
    assert row["id"] == "ctrl"
    assert "author" not in row
    assert hub.get("/api/models/ctrl/revision/main").json() == row


def test_info_fields(hub: Hub) -> None:
    row = hub.get("/api/models/openai-community/gpt2").json()
    assert {"cardData", "spaces", "sha", "disabled", "gated", "lastModified"} <= set(row)
    assert not {"downloadsAllTime", "trendingScore", "siblings", "childrenModelCount"} & set(row)
    asked = hub.get("/api/models/openai-community/gpt2?expand=downloadsAllTime&expand=baseModels").json()
    assert set(asked) == {"_id", "id", "downloadsAllTime"}
    assert hub.get("/api/models/openai-community/gpt2?expand=nonsense").status_code == 400


def test_base_models_are_resolved_and_file_metadata_is_json(hub: Hub) -> None:
    models = {row["id"]: row for row in hub.rows("/api/models?expand=tags&expand=config&expand=gguf")}
    tuned = [
        (name, tag.split(":", 2)[1:])
        for name, row in models.items()
        for tag in row["tags"]
        if tag.startswith("base_model:") and tag.count(":") == 2
    ]
    found = 0
    for name, (relation, base) in tuned[:40]:
        asked = hub.get(f"/api/models/{name}?expand=baseModels").json()
        listed = hub.get(f"/api/models/{base}?expand=sha")
        if listed.status_code == 401 or base == WITHDRAWN:  # the base is gone, or its id now leads to another model
            assert "baseModels" not in asked
            continue
        (resolved,) = asked["baseModels"]["models"]
        assert asked["baseModels"]["relation"] == relation
        assert hub.get(f"/api/models/{resolved['id']}?expand=sha").json()["_id"] == resolved["_id"]
        assert (resolved["id"] == base) == (listed.status_code == 200)
        found += 1
    assert found > 10
    configs = [row["config"] for row in models.values() if "config" in row]
    assert all(config["architectures"] and config["model_type"] for config in configs)
    headers = [row["gguf"] for row in models.values() if "gguf" in row]
    assert all(header["total"] > 0 and header["architecture"] for header in headers)
    assert len(models) > len(configs) > len(headers) > 10


def test_spaces_of_a_model_include_references_by_old_ids_and_stop_at_100(start_hub: StartHub) -> None:
    models = pa.table({"_id": ["6500", "6501", "6502"], "id": ["o/gpt2", "o/bert", "o/alone"]})
    spaces = pa.table(
        {
            "_id": [f"66{place:04}" for place in range(130)],
            "id": [f"o/space-{place}" for place in range(130)],
            "likes": range(130),
            "models": [["gpt2"] if place % 2 else ["o/gpt2", "o/bert"] for place in range(130)],
        }
    )
    tables: dict[RepoType, pa.Table] = {"model": models, "space": spaces}
    hub = start_hub(Population("made", WEEK, tables, renames={"model": {"gpt2": "o/gpt2"}}))
    shown = hub.get("/api/models/o/gpt2?expand=spaces").json()["spaces"]
    assert shown == [f"o/space-{place}" for place in range(129, 29, -1)]
    listed = {row["id"]: row["spaces"] for row in hub.rows("/api/models?expand=spaces")}
    assert listed["o/gpt2"] == shown
    assert listed["o/bert"] == [f"o/space-{place}" for place in range(128, -1, -2)]
    assert listed["o/alone"] == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/models/gpt2", "/api/models/openai-community/gpt2"),
        ("/api/models/gpt2?expand=sha&expand=tags", "/api/models/openai-community/gpt2?expand=sha&expand=tags"),
        ("/api/models/gpt2/commits/main?limit=1", "/api/models/openai-community/gpt2/commits/main?limit=1"),
        ("/api/models/gpt2/discussions", "/api/models/openai-community/gpt2/discussions"),
        ("/api/models/gpt2/revision/refs%2Fpr%2F1", "/api/models/openai-community/gpt2/revision/refs%2Fpr%2F1"),
        ("/api/models/OpenAI-Community/GPT2", "/api/models/openai-community/gpt2"),
        ("/api/models/GPT2", "/api/models/openai-community/gpt2"),
        ("/api/models/facebookai/Roberta-base", "/api/models/FacebookAI/roberta-base"),
        (
            "/api/models/runwayml/stable-diffusion-v1-5",
            "/api/models/stable-diffusion-v1-5/stable-diffusion-v1-5",
        ),
    ],
)
def test_old_names_and_wrong_case_are_redirected(hub: Hub, path: str, target: str) -> None:
    response = hub.get(path)
    assert response.status_code == 307
    assert response.headers["Location"] == target


def test_a_renamed_repository_keeps_its_key(hub: Hub) -> None:
    before = simulated(WEEK - timedelta(weeks=100)).repos["model"]
    moved = [old for old in hub.population.renames["model"] if before.find(old) is not None]
    same = [
        old for old in moved if hub.get(f"/api/models/{old}", follow_redirects=True).json()["_id"] == key(before, old)
    ]
    assert len(same) >= 10
    # the exception is the id that now redirects to another repository
    long_before = simulated(date(2023, 10, 2)).repos["model"]
    old = "runwayml/stable-diffusion-v1-5"
    assert hub.get(f"/api/models/{old}", follow_redirects=True).json()["_id"] != key(long_before, old)


def key(repos: "object", repo_id: str) -> str:
    row = repos.find(repo_id)  # type: ignore[attr-defined]
    return str(repos.value("_id", row))  # type: ignore[attr-defined]


def test_accounts(hub: Hub) -> None:
    accounts = hub.population.accounts
    assert accounts is not None
    user = next(row for row in accounts.to_pylist() if row["type"] == "user" and row["name"] != row["name"].lower())
    body = hub.get(f"/api/users/{user['name']}/overview").json()
    assert (body["_id"], body["user"], body["fullname"]) == (user["_id"], user["name"], user["fullname"])
    wrong_case = hub.get(f"/api/users/{user['name'].lower()}/overview")
    assert (wrong_case.status_code, wrong_case.headers["Location"]) == (307, f"/api/users/{user['name']}/overview")

    organization = hub.get("/api/organizations/OpenAI-Community/overview")
    assert (organization.status_code, organization.json()["name"]) == (200, "openai-community")
    not_user = hub.get("/api/users/openai-community/overview")
    assert (not_user.status_code, not_user.json()) == (404, {"error": "This user does not exist"})
    not_org = hub.get(f"/api/organizations/{user['name']}/overview")
    assert not_org.status_code == 404
    assert not_org.json()["error"] == "Sorry, we can't find the page you are looking for."


def test_members(hub: Hub) -> None:
    members = hub.population.members
    assert members is not None
    org = members["org"][0].as_py()
    body = hub.get(f"/api/organizations/{org}/members").json()
    assert len(body) == hub.get(f"/api/organizations/{org}/overview").json()["numUsers"] > 0
    orgs = hub.get(f"/api/users/{body[0]['user']}/overview").json()["orgs"]
    assert org in [each["name"] for each in orgs]


def test_data_missing_from_a_population_is_501(start_hub: StartHub) -> None:
    bare = start_hub(Population("bare", WEEK, {"model": pa.table({"_id": ["65"], "id": ["a/b"]})}))
    for path in ("commits/main", "discussions", "discussions/1"):
        response = bare.get(f"/api/models/a/b/{path}")
        assert response.status_code == 501
        assert response.json()["error"] == f"This Hub has no {path.partition('/')[0]}."
    for path in ("users/a/overview", "organizations/a/overview", "organizations/a/members"):
        assert bare.get(f"/api/{path}").status_code == 501
    assert bare.rows("/api/spaces") == []


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/agent-harnesses", "/api/papers", "/api/models/a/b/c", "/api/models/a/b/tree/main", "/gpt2"],
)
def test_everything_else_is_404_in_json(hub: Hub, path: str) -> None:
    response = hub.get(path)
    assert response.status_code == 404
    assert set(response.json()) == {"error"}


def test_every_response_has_the_common_headers(hub: Hub) -> None:
    answers = {
        200: "/api/models?limit=1",
        307: "/api/models/gpt2",
        400: "/api/models?limit=x",
        401: "/api/models/no/no",
        404: "/api/none",
        501: "/api/models/ctrl/discussions/1",
    }
    before = None
    for status, path in answers.items():
        response = hub.get(path)
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.headers["X-Hub-Population"] == hub.population.identity
        assert response.headers["X-Request-Id"]
        assert response.headers["RateLimit-Policy"] == '"fixed window";"api";q=100000;w=300'
        assert len(response.headers.get_list("Date")) == 1
        left = int(response.headers["RateLimit"].partition(";r=")[2].partition(";")[0])
        assert before is None or left in (before - 1, 99_999)
        before = left


def test_the_date_header_belongs_to_the_served_week(start_hub: StartHub) -> None:
    """This holds even in the current week, because on a Sunday the next week could begin before a run has ended."""
    for day in (date(2024, 5, 8), datetime.now(UTC).date()):
        population = simulated(day, scale=0.0001)
        said = parsedate_to_datetime(start_hub(population).get("/api/models?limit=1").headers["Date"])
        morning = datetime.combine(population.week, time(6, 30), UTC)
        assert morning <= said < morning + timedelta(minutes=1)


@given(st.floats(0, 1e9))
def test_the_clock_never_leaves_the_week(seconds: float) -> None:
    clock = iter([seconds / 3, seconds / 3 + seconds])
    said = parsedate_to_datetime(_HubClock(date(2026, 11, 16), lambda: next(clock)).header())
    assert datetime(2026, 11, 16, 6, 30, tzinfo=UTC) <= said < datetime(2026, 11, 23, tzinfo=UTC)


def test_calls_are_counted_by_kind_and_status(start_hub: StartHub) -> None:
    hub = start_hub(quota=Quota(6, 60))
    for path in ("models", "models/gpt2", "models/ctrl/discussions/1", "users/x/overview", "whoami-v2", "x", "models"):
        hub.get(f"/api/{path}")
    counters = hub.counters
    assert counters.requests == 7
    assert counters.by_kind == {"listing": 2, "info": 1, "history": 1, "account": 1, "whoami": 1, "other": 1}
    assert counters.by_status == {200: 1, 307: 1, 501: 1, 404: 2, 401: 1, 429: 1}
    assert counters.throttled == 1


def test_latency(start_hub: StartHub) -> None:
    assert start_hub(latency=0.2).get("/api/models?limit=1").elapsed >= timedelta(seconds=0.2)
