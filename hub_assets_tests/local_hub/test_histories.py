"""Commits and discussions over HTTP, for a few hand-made repositories."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import DisabledRepoError, GatedRepoError, HfHubHTTPError

from hub_assets.local_hub.histories import Events, Histories
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population, PopulationError
from hub_assets_tests.local_hub.conftest import WEEK, Hub

StartHub = Callable[..., Hub]

AVATAR = "https://cdn-avatars.example/1.png"
AUTHORS = pa.table({"user": ["ada", "Jessica Smith", "grace", "acme"], "avatar": [AVATAR, None, AVATAR, AVATAR]})
ADA, JESSICA, GRACE, ACME = range(4)
MANY = 120
"""Number of commits, and of discussions, in `acme/many`."""


def sha(number: int) -> str:
    return f"{number:040x}"


def commits(first: int, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": bytes.fromhex(sha(first + position)),
            "title": f"Commit {number - position} of “{number}”",
            "message": "" if position else "\n\nCo-authored-by: Grace",
            "date": datetime(2024, 2, 19, 10, 57, 45),
            "authors": [JESSICA] if position else [ADA, GRACE],
        }
        for position in range(number)
    ]


def discussions(number: int) -> list[dict[str, Any]]:
    return [
        {
            "num": 2 * (number - position),
            "title": f"About {position}",
            "status": ("open", "closed", "merged", "draft")[position % 4],
            "isPullRequest": position % 3 == 0,
            "author": (ADA, GRACE, None, ACME, ADA)[position % 5],
            "createdAt": datetime(2024, 2, 19, 10, 57, 45),
            "numComments": position,
        }
        for position in range(number)
    ]


COMMIT_TYPES = pa.schema(
    [
        ("id", pa.binary(20)),
        ("title", pa.dictionary(pa.int32(), pa.string())),
        ("message", pa.string()),
        ("date", pa.timestamp("s")),
        ("authors", pa.list_(pa.int32())),
    ]
)
DISCUSSION_TYPES = pa.schema(
    [
        ("num", pa.int32()),
        ("title", pa.string()),
        ("status", pa.dictionary(pa.int32(), pa.string())),
        ("isPullRequest", pa.bool_()),
        ("author", pa.int32()),
        ("createdAt", pa.timestamp("s")),
        ("numComments", pa.int32()),
    ]
)


def population() -> Population:
    repos = pa.table(
        {
            "_id": ["65a0", "65a1", "65a2", "65a3", "65a4", "65a5", "65a6"],
            "id": ["acme/one", "acme/many", "alone", "acme/empty", "acme/gated", "acme/disabled", "acme/quiet"],
            "sha": [sha(1), sha(999), sha(500), None, sha(700), sha(800), None],
            "cardData": ['{"license":"mit","tags":["ünï","b"]}', None, '{"license":"mit"}', None, None, None, None],
            "card": ["# One\n", "# Many\n", None, None, None, None, None],
            "gated": ["false", "false", "false", "false", "manual", "false", "false"],
            "disabled": [False, False, False, False, True, True, False],
            "discussionsDisabled": [False, False, False, False, False, False, True],
        }
    )
    lengths = [1, MANY, 2, 0, 1, 1, 0]
    offsets = np.append(0, np.cumsum(lengths))
    firsts = [1, 100, 500, 900, 700, 800, 900]
    made = [row for first, length in zip(firsts, lengths, strict=True) for row in commits(first, length)]
    discussed = [row for length in (2, MANY, 1, 0, 1, 1, 0) for row in discussions(length)]
    history = Histories(
        pa.Table.from_pylist(made, COMMIT_TYPES),
        offsets,
        pa.Table.from_pylist(discussed, DISCUSSION_TYPES),
        np.append(0, np.cumsum([2, MANY, 1, 0, 1, 1, 0])),
    )
    accounts = pa.table(
        {
            "_id": ["01", "02"],
            "name": ["ada", "acme"],
            "type": ["user", "org"],
            "fullname": ["Ada L.", "Acme Inc."],
            "createdAt": ["2023-01-01T00:00:00.000Z"] * 2,
            "isPro": [True, None],
            "isVerified": [None, False],
        }
    )
    return Population(
        "made",
        WEEK,
        {"model": repos, "dataset": repos.select(["_id", "id", "card"])},
        accounts=accounts,
        renames={"model": {"old/many": "acme/many"}},
        authors=AUTHORS,
        histories={"model": history},
    )


@pytest.fixture
def made(start_hub: StartHub) -> Hub:
    return start_hub(population())


def test_commits_look_like_the_hubs(made: Hub) -> None:
    response = made.get("/api/models/acme/one/commits/main")
    assert response.headers["X-Total-Count"] == "1"
    assert "Link" not in response.headers
    assert response.json() == [
        {
            "id": sha(1),
            "title": "Commit 1 of “1”",
            "message": "\n\nCo-authored-by: Grace",
            "authors": [{"user": "ada", "avatar": AVATAR}, {"user": "grace", "avatar": AVATAR}],
            "date": "2024-02-19T10:57:45.000Z",
        }
    ]
    # a git author without an account has no avatar
    assert made.rows("/api/models/alone/commits/main")[1]["authors"] == [{"user": "Jessica Smith"}]


def test_commits_are_paged(made: Hub) -> None:
    path = "/api/models/acme/many/commits/main"
    pages = list(made.pages(path))
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [row["id"] for page in pages for row in page] == [sha(100 + position) for position in range(MANY)]
    first = made.get(f"{path}?limit=7&expand[]=formatted&p=1")
    assert first.json() == made.rows(path)[7:14]
    assert first.headers["X-Total-Count"] == str(MANY)
    assert first.headers["Link"] == f'<{made.url}{path}?p=2&limit=7&expand%5B%5D=formatted>; rel="next"'
    assert len(list(made.pages(f"{path}?limit=7"))) == 18
    everything = made.get(f"{path}?limit=120")
    assert len(everything.json()) == MANY
    assert "Link" not in everything.headers
    behind = made.get(f"{path}?p=3")
    assert (behind.json(), behind.headers["X-Total-Count"]) == ([], str(MANY))


def test_the_page_size_can_be_set_and_is_capped(start_hub: StartHub) -> None:
    number = 1_203
    table = pa.Table.from_pylist(commits(0, number), COMMIT_TYPES)
    # hexadecimal digits are accepted as well as bytes
    table = table.set_column(0, "id", pa.array([sha(position) for position in range(number)]))
    repos = pa.table({"_id": ["65"], "id": ["a/b"]})
    history = Histories(table, np.array([0, number]))
    made = Population("made", WEEK, {"space": repos}, authors=AUTHORS, histories={"space": history})
    hub = start_hub(made, commits_page=1_200)
    assert [len(page) for page in hub.pages("/api/spaces/a/b/commits/main?limit=5000")] == [1000, 203]
    assert [len(page) for page in hub.pages("/api/spaces/a/b/commits/main")] == [1000, 203]
    assert hub.rows("/api/spaces/a/b/commits/main?limit=2")[1]["id"] == sha(1)
    assert hub.get("/api/spaces/a/b/discussions").json() == {"error": "This Hub has no discussions."}


def test_commit_revisions(made: Hub) -> None:
    path = "/api/models/acme/many/commits"
    main = made.rows(f"{path}/main?limit=1000")
    # the listed sha leads to all commits, even if the repository has no commit with that id
    assert made.rows(f"{path}/{sha(999)}?limit=1000") == main
    older = made.get(f"{path}/{sha(180)}?limit=1000")
    assert older.json() == main[80:]
    assert older.headers["X-Total-Count"] == "40"
    for rev, shown in (("no-such-branch", "no-such-branch"), ("refs%2Fpr%2F1", "refs/pr/1"), (sha(1), sha(1))):
        missing = made.get(f"{path}/{rev}")
        assert missing.status_code == 404
        assert missing.headers["X-Error-Code"] == "RevisionNotFound"
        assert missing.headers["X-Error-Message"] == f"Invalid rev id: {shown}"
    assert made.get("/api/models/acme/empty/commits/main").headers["X-Error-Code"] == "RevisionNotFound"
    assert made.get(path).status_code == 404


@pytest.mark.parametrize(
    "query", ["p=-1", "p=x", "p=", "limit=0", "limit=x", "limit=1.5", "p=" + "9" * 30, "limit=" + "9" * 5000]
)
def test_an_invalid_page_is_rejected(made: Hub, query: str) -> None:
    response = made.get(f"/api/models/acme/many/commits/main?{query}")
    assert response.status_code == 400
    assert response.json()["error"].startswith(f'"{query.partition("=")[0]}" must be a number greater than or equal to')
    if query.startswith("p"):
        assert made.get(f"/api/models/acme/many/discussions?{query}").status_code == 400


def test_discussions_look_like_the_hubs(made: Hub) -> None:
    response = made.get("/api/models/acme/one/discussions")
    assert "Link" not in response.headers
    person = {"isHf": False, "isHfAdmin": False, "isMod": False}
    shared = {
        "repo": {"name": "acme/one", "type": "model"},
        "createdAt": "2024-02-19T10:57:45.000Z",
        "topReactions": [],
        "numReactionUsers": 0,
        "pinned": False,
        "repoOwner": {"name": "acme", "isParticipating": False, "type": "org", "isDiscussionAuthor": False},
    }
    ada = {"name": "ada", "type": "user", "fullname": "Ada L.", "avatarUrl": AVATAR, "isPro": True}
    grace = {"name": "grace", "type": "user", "avatarUrl": AVATAR}
    assert response.json() == {
        "discussions": [
            {"num": 4, "author": ada | person, "title": "About 0", "status": "open"}
            | {"isPullRequest": True, "numComments": 0}
            | shared,
            {"num": 2, "author": grace | person, "title": "About 1", "status": "closed"}
            | {"isPullRequest": False, "numComments": 1}
            | shared,
        ],
        "count": 2,
        "start": 0,
        "numClosedDiscussions": 1,
    }


def test_authors_and_owners_of_discussions(made: Hub) -> None:
    rows = made.get("/api/models/acme/many/discussions").json()["discussions"]
    assert "author" not in rows[2]  # a deleted user
    assert (rows[3]["author"]["type"], rows[3]["repoOwner"]["isDiscussionAuthor"]) == ("org", True)
    assert not rows[2]["repoOwner"]["isDiscussionAuthor"]
    [alone] = made.get("/api/models/alone/discussions").json()["discussions"]
    assert "repoOwner" not in alone
    assert made.get("/api/models/acme/empty/discussions").json() == {
        "discussions": [],
        "count": 0,
        "start": 0,
        "numClosedDiscussions": 0,
    }


def test_discussions_are_paged_by_50(made: Hub) -> None:
    pages = [made.get(f"/api/models/acme/many/discussions?p={page}").json() for page in range(4)]
    assert [len(page["discussions"]) for page in pages] == [50, 50, 20, 0]
    assert [page["start"] for page in pages] == [0, 50, 100, 150]
    assert {page["count"] for page in pages} == {MANY}
    assert [page["numClosedDiscussions"] for page in pages] == [MANY // 2, None, None, None]
    numbers = [row["num"] for page in pages for row in page["discussions"]]
    assert numbers == [2 * (MANY - position) for position in range(MANY)]


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ("type=all&status=all", range(MANY)),
        ("type=pull_request", [position for position in range(MANY) if position % 3 == 0]),
        ("type=discussion", [position for position in range(MANY) if position % 3]),
        ("status=open", [position for position in range(MANY) if position % 4 in (0, 3)]),
        ("status=closed", [position for position in range(MANY) if position % 4 in (1, 2)]),
        ("author=ada", [position for position in range(MANY) if position % 5 in (0, 4)]),
        ("author=nobody", []),
        (
            "author=ada&type=discussion&status=closed",
            [
                position
                for position in range(MANY)
                if position % 5 in (0, 4) and position % 3 and position % 4 in (1, 2)
            ],
        ),
    ],
)
def test_discussions_are_filtered(made: Hub, query: str, positions: list[int]) -> None:
    path = f"/api/models/acme/many/discussions?{query}"
    page = made.get(path).json()
    assert page["count"] == len(positions)
    assert [row["num"] for row in page["discussions"]] == [2 * (MANY - position) for position in positions[:50]]
    second = made.get(f"{path}&p=1").json()
    assert [row["num"] for row in second["discussions"]] == [2 * (MANY - position) for position in positions[50:100]]
    assert page["numClosedDiscussions"] == made.get(f"{path}&status=closed").json()["count"]


@pytest.mark.parametrize("query", ["type=issue", "status=merged"])
def test_an_invalid_filter_is_rejected(made: Hub, query: str) -> None:
    assert made.get(f"/api/models/acme/many/discussions?{query}").status_code == 400


def test_histories_of_renamed_and_missing_repositories(made: Hub) -> None:
    for path in ("commits/main?p=1&limit=9", "discussions?p=1"):
        renamed = made.get(f"/api/models/old/many/{path}")
        assert (renamed.status_code, renamed.headers["Location"]) == (307, f"/api/models/acme/many/{path}")
        cased = made.get(f"/api/models/ACME/Many/{path}")
        assert (cased.status_code, cased.headers["Location"]) == (307, f"/api/models/acme/many/{path}")
        assert made.get(f"/api/models/acme/none/{path}").status_code == 401
        assert made.get(f"/api/datasets/acme/many/{path}").status_code == 501
    assert made.get("/api/models/acme/many/discussions/2").json() == {"error": "This Hub has no comments."}


def test_commits_of_a_gated_repository_require_access(made: Hub) -> None:
    anonymous = made.get("/api/models/acme/gated/commits/main")
    assert (anonymous.status_code, anonymous.headers["X-Error-Code"]) == (401, "GatedRepo")
    assert anonymous.headers["X-Error-Message"] == (
        "Access to model acme/gated is restricted. You must have access to it and be authenticated to access it. "
        "Please log in."
    )
    refused = made.get("/api/models/acme/gated/commits/main", headers={"Authorization": "Bearer hf_somebody"})
    assert (refused.status_code, refused.headers["X-Error-Code"]) == (403, "GatedRepo")
    assert "not in the authorized list" in refused.json()["error"]
    for path in ("", "/discussions"):
        assert made.get(f"/api/models/acme/gated{path}").status_code == 200


def test_nobody_can_read_commits_of_a_disabled_repository(made: Hub) -> None:
    response = made.get("/api/models/acme/disabled/commits/main")
    assert (response.status_code, response.headers.get("X-Error-Code")) == (403, None)
    assert response.headers["X-Error-Message"] == "Access to this resource is disabled."
    assert made.get("/api/models/acme/disabled").json()["disabled"] is True
    assert made.get("/api/models/acme/disabled/discussions").status_code == 200


def test_discussions_can_be_disabled(made: Hub) -> None:
    assert made.get("/api/models/acme/quiet/discussions").status_code == 403
    assert made.get("/api/models/acme/many/discussions").status_code == 200


def test_the_client_recognizes_these_errors(api: HfApi) -> None:
    with pytest.raises(GatedRepoError):
        api.list_repo_commits("acme/gated")
    with pytest.raises(DisabledRepoError):
        api.list_repo_commits("acme/disabled")
    with pytest.raises(HfHubHTTPError, match="403"):
        list(api.get_repo_discussions("acme/quiet"))


def test_a_changed_repository_keeps_its_history(made: Hub) -> None:
    before = made.rows("/api/models/acme/many/commits/main")
    made.population.change("model", "acme/many", sha=sha(100))
    assert made.rows(f"/api/models/acme/many/commits/{sha(100)}") == before
    assert made.get(f"/api/models/acme/many/commits/{sha(999)}").status_code == 404


@pytest.fixture
def api(made: Hub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    # see test_clients
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    return HfApi(endpoint=made.url, token=False)


def test_the_client_reads_all_pages_of_commits(api: HfApi, made: Hub) -> None:
    for repo_id in ("acme/many", "old/many"):
        read = api.list_repo_commits(repo_id)
        assert [commit.commit_id for commit in read] == [sha(100 + position) for position in range(MANY)]
    assert read[0].authors == ["ada", "grace"]
    assert read[0].created_at.isoformat() == "2024-02-19T10:57:45+00:00"
    assert read[1].authors == ["Jessica Smith"]
    assert len(api.list_repo_commits("acme/many", revision=sha(200), formatted=True)) == 20
    assert made.counters.by_kind["history"] == 3 + 4 + 1


def test_the_client_reads_all_pages_of_discussions(api: HfApi) -> None:
    read = list(api.get_repo_discussions("acme/many"))
    assert [discussion.num for discussion in read] == [2 * (MANY - position) for position in range(MANY)]
    assert [discussion.author for discussion in read[:5]] == ["ada", "grace", "deleted", "acme", "ada"]
    assert {discussion.status for discussion in read} == {"open", "closed", "merged", "draft"}
    closed = api.get_repo_discussions("acme/many", discussion_status="closed", discussion_type="discussion")
    assert {discussion.status for discussion in closed} == {"closed", "merged"}
    assert len(list(api.get_repo_discussions("acme/many", author="grace"))) == MANY // 5


def test_cards(made: Hub) -> None:
    card = made.get("/acme/one/raw/main/README.md")
    assert card.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert card.text == "---\nlicense: mit\ntags:\n- ünï\n- b\n---\n# One\n"
    assert made.get("/acme/many/raw/main/README.md").text == "# Many\n"
    assert made.get("/datasets/acme/many/raw/main/README.md").text == "# Many\n"
    for path in ("/alone", "/acme/empty", "/datasets/alone"):
        missing = made.get(f"{path}/raw/main/README.md")
        assert (missing.status_code, missing.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert made.get("/spaces/acme/one/raw/main/README.md").status_code == 401
    token = {"authorization": "Bearer hf_test"}
    assert made.get("/acme/none/raw/main/README.md", headers=token).headers["X-Error-Code"] == "RepoNotFound"
    for old in ("old/many", "Acme/MANY"):
        renamed = made.get(f"/{old}/raw/main/README.md")
        assert (renamed.status_code, renamed.headers["Location"]) == (307, "/acme/many/raw/main/README.md")
    cased = made.get("/datasets/ALONE/raw/main/README.md")
    assert (cased.status_code, cased.headers["Location"]) == (307, "/datasets/alone/raw/main/README.md")
    assert made.get("/acme/one/raw/other/README.md").headers["X-Error-Code"] == "RevisionNotFound"
    for path in ("/acme/one/raw/main/config.json", "/raw/main/README.md"):
        assert made.get(path).json() == {"error": "Sorry, we can't find the page you are looking for."}


def test_a_card_counts_as_a_call(start_hub: StartHub) -> None:
    hub = start_hub(population(), quota=Quota(2, 300))
    statuses = [hub.get("/acme/one/raw/main/README.md").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert hub.counters.by_kind == {"card": 3}


def test_columns_that_are_not_api_fields_are_never_served(made: Hub) -> None:
    answers = ["", "?full=true&cardData=true&config=true", "?expand=sha"]
    rows = [row for query in answers for row in made.rows(f"/api/models{query}")]
    rows += [made.get(f"/api/models/acme/one{query}").json() for query in ("", "?expand=sha", "/revision/main")]
    assert not {"card", "discussionsDisabled"} & set().union(*rows)
    for name in ("card", "discussionsDisabled"):
        assert made.get(f"/api/models?expand={name}").status_code == 400
        assert made.get(f"/api/models/acme/one?expand={name}").status_code == 400
        assert made.get(f"/api/models?sort={name}").status_code == 400


@pytest.mark.parametrize("offsets", [[], [0], [1, 2], [0, 1], [0, 3, 2]])
def test_offsets_that_do_not_fit_are_rejected(offsets: list[int]) -> None:
    table = pa.Table.from_pylist(commits(0, 2), COMMIT_TYPES)
    with pytest.raises(ValueError, match="commits: offsets do not span the whole table"):
        Histories(table, np.array(offsets, dtype=np.int64))


def test_histories_of_other_repositories_are_rejected() -> None:
    repos = pa.table({"_id": ["65"], "id": ["a/b"]})
    history = Histories(pa.Table.from_pylist(commits(0, 2), COMMIT_TYPES), np.array([0, 1, 2]))
    with pytest.raises(PopulationError, match="there are 1 models but histories of 2"):
        Population("made", WEEK, {"model": repos}, authors=AUTHORS, histories={"model": history})
    fitting = Histories(pa.Table.from_pylist(commits(0, 2), COMMIT_TYPES), np.array([0, 2]))
    with pytest.raises(PopulationError, match="require an author table"):
        Population("made", WEEK, {"model": repos}, histories={"model": fitting})


def test_events_may_come_in_chunks_with_separate_dictionaries() -> None:
    parts = [pa.Table.from_pylist(commits(first, 2), COMMIT_TYPES) for first in (10, 20)]
    events = Events(pa.concat_tables(parts), np.array([0, 1, 4]))
    assert events.values("id", events.of(1)) == [sha(11), sha(20), sha(21)]
    assert events.values("title", [3, 0]) == ["Commit 1 of “2”", "Commit 2 of “2”"]
    assert events.values("authors", [0, 1]) == [[ADA, GRACE], [JESSICA]]
    assert events.values("date", []) == []
