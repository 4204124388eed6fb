"""Shared by the tests of histories: a hand-made Hub that can change while it is served, and readers for the lake."""

import atexit
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.journal import read_records
from hub_assets.lake.landing import Record
from hub_assets.lake.parts import Lake
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.limiter import Counters, Quota
from hub_assets.local_hub.population import Population, Repos
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import Simulation
from hub_assets.vocabulary import REPO_TYPES, RepoType

WEEK = date(2026, 11, 16)
PLENTY = Quota(1_000_000, 300)
Item = dict[str, Any]
State = dict[tuple[str, str], list[Item]]
"""The commits or discussions of each repository (its type and key), newest first."""

AUTHORS = ("ada", "Jessica Smith", "grace")
_AUTHORS = pa.table({"user": AUTHORS, "avatar": ["/ada.svg", None, "/grace.svg"]})
_REPOS = pa.schema(
    [
        *((name, pa.string()) for name in ("_id", "id", "createdAt", "sha", "gated")),
        *((name, pa.int64()) for name in ("likes", "downloads")),
        *((name, pa.bool_()) for name in ("disabled", "discussionsDisabled")),
    ]
)
_COMMITS = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "title", "message")),
        ("date", pa.timestamp("ms")),
        ("authors", pa.list_(pa.int32())),
    ]
)
_DISCUSSIONS = pa.schema(
    [
        ("num", pa.int32()),
        *((name, pa.string()) for name in ("title", "status")),
        ("isPullRequest", pa.bool_()),
        ("author", pa.int32()),
        ("createdAt", pa.timestamp("ms")),
        ("numComments", pa.int32()),
    ]
)


def sha(number: int) -> str:
    return f"{number:040x}"


@dataclass
class Repo:
    """A repository, with its histories sorted newest first. `sha` defaults to the id of the newest commit."""

    key: str
    id: str
    kind: RepoType = "model"
    commits: list[Item] = field(default_factory=list)
    discussions: list[Item] = field(default_factory=list)
    sha: str | None = None
    gated: str = "false"
    disabled: bool = False
    off: bool = False
    likes: int = 0
    downloads: int = 0
    created_at: str = "2024-01-01T00:00:00.000Z"

    def row(self) -> Item:
        return {
            "_id": self.key,
            "id": self.id,
            "createdAt": self.created_at,
            "sha": self.sha or (self.commits[0]["id"] if self.commits else None),
            "gated": self.gated,
            "likes": self.likes,
            "downloads": self.downloads,
            "disabled": self.disabled,
            "discussionsDisabled": self.off,
        }


class Hub:
    """A Hub of repositories made by a test; `publish` makes changes visible.

    `paths` lists the requested histories, including repeated requests. `before` receives a request's path and query and
    may return an app that responds instead of the Hub. `cap` is the maximum number of commits per page, and `counts`
    is whether the Hub sends totals.
    """

    def __init__(
        self,
        *repos: Repo,
        week: date = WEEK,
        quota: Quota = PLENTY,
        cap: int = 1000,
        counts: bool = True,
        **options: Any,
    ) -> None:
        self.repos = list(repos)
        self.paths: list[str] = []
        self.before: Callable[[str], ASGIApp | None] = lambda _: None
        self.cap = cap
        self.counts = counts
        self._made = 0
        self.population = Population("made", week, {}, authors=_AUTHORS)
        self.publish()
        self.app = build_app(self.population, quota=quota, **options)
        self.counters: Counters = self.app.state.counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.app
        if scope["type"] == "http":
            query = dict(parse_qsl(scope["query_string"].decode()))
            path = scope["path"] + ("?" if query else "") + urlencode(query)
            if "/commits/" in path or "/discussions" in path:
                self.paths.append(path)
                if "limit" in query:
                    capped = query | {"limit": str(min(int(query["limit"]), self.cap))}
                    scope["query_string"] = urlencode(capped).encode()
            app = self.before(path) or app

        async def send_uncounted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(k, v) for k, v in message["headers"] if k.lower() != b"x-total-count"]
            await send(message)

        await app(scope, receive, send if self.counts else send_uncounted)

    def publish(self) -> None:
        for kind in REPO_TYPES:
            repos = [repo for repo in self.repos if repo.kind == kind]
            commits, discussions = ([getattr(repo, what) for repo in repos] for what in ("commits", "discussions"))
            self.population.repos[kind] = Repos(pa.Table.from_pylist([repo.row() for repo in repos], _REPOS))
            self.population.histories[kind] = Histories(
                pa.Table.from_pylist([item for items in commits for item in items], _COMMITS),
                np.append(0, np.cumsum([len(items) for items in commits], dtype=np.int64)),
                pa.Table.from_pylist([item for items in discussions for item in items], _DISCUSSIONS),
                np.append(0, np.cumsum([len(items) for items in discussions], dtype=np.int64)),
            )

    def commits(self, number: int, message: str = "") -> list[Item]:
        """Return newly made commits, newest first."""
        made = range(self._made + number, self._made, -1)
        self._made += number
        return [
            {
                "id": sha(n),
                "title": f"Commit {n}",
                "message": message,
                "date": datetime(2024, 1, 1) + timedelta(seconds=n),
                "authors": [[0], [1], [2, 0], [0, 1, 2]][n % 4],
            }
            for n in made
        ]

    def discussions(self, number: int) -> list[Item]:
        """Return newly made discussions, newest first."""
        made = range(self._made + number, self._made, -1)
        self._made += number
        return [
            {
                "num": 2 * n,
                "title": f"Discussion {n}",
                "status": ("open", "closed", "merged", "draft")[n % 4],
                "isPullRequest": n % 3 == 0,
                "author": (0, 2, None)[n % 3],
                "createdAt": datetime(2024, 1, 1) + timedelta(seconds=n),
                "numComments": n % 7,
            }
            for n in made
        ]

    def state(self, kind: str) -> State:
        """Return the expected state after a full crawl, which only contains readable repositories."""
        if kind == "discussions":
            return {(r.kind, r.key): [_stored_discussion(d) for d in r.discussions] for r in self.repos if not r.off}
        readable = (repo for repo in self.repos if repo.gated == "false" and not repo.disabled)
        return {(repo.kind, repo.key): [_stored_commit(commit) for commit in repo.commits] for repo in readable}


class Door:
    """A server at a fixed address whose app can be swapped instantly."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self._stack = ExitStack()
        self.url = self._stack.enter_context(running(self))
        atexit.register(self._stack.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@cache
def door(name: str) -> Door:
    """Return this process's door with the given name."""
    return Door()


@contextmanager
def served(app: ASGIApp, token: str | bool = False, **options: Any) -> Iterator[HubClient]:
    """Serve a Hub and yield a client that has already contacted it."""
    door("hub").app = app
    client = HubClient(door("hub").url, token, **({"backoff": 0.01} | options))
    client.contact()
    yield client


def listed(client: HubClient, lake: Lake, week: date = WEEK, types: tuple[RepoType, ...] = REPO_TYPES) -> None:
    """List all repositories of a week."""
    for repo_type in types:
        land_listing(client, lake, LISTINGS[repo_type], week)


def rows(lake: Lake, table: str, *weeks: date) -> list[Item]:
    """Return the valid rows of a table for the given weeks, or for all weeks."""
    found: list[Item] = []
    for week in weeks or lake.weeks(table):
        for file in lake.files(table, week):
            found += pq.read_table(file, partitioning=None).to_pylist()
    return found


def rows_so_far(lake: Lake, table: str, week: date, columns: list[str] | None = None) -> list[Item]:
    """Return the rows of an unfinished week: its parts (or some of their columns), then its journal."""
    found = [row for file in lake.files_so_far(table, week) for row in pq.read_table(file, columns=columns).to_pylist()]
    for journal in lake.folder(table, week).glob("journal-*.log"):
        found += [json.loads(Record.of_bytes(payload).body) for payload in read_records(journal.read_bytes())]
    return found


def state(lake: Lake, kind: str) -> State:
    """Return each repository's items in a lake, computed from the rows without using the crawl's code.

    A fetch counts if its last page arrived and is ok; that page contains the history version. The state is the union
    of all fetches with the latest history version.
    """
    fetches: dict[tuple[Any, ...], list[Item]] = defaultdict(list)
    for row in rows(lake, f"raw_hub__{kind}"):
        fetches[row["repo_type"], row["repo_key"], row["snapshot_date"], row["fetch_number"]].append(row)
    versions: dict[tuple[str, str], dict[int, list[tuple[Any, list[Item]]]]] = defaultdict(lambda: defaultdict(list))
    for (repo_type, key, *when), pages in fetches.items():
        pages.sort(key=lambda row: row["page"])
        assert [row["page"] for row in pages] == list(range(len(pages))), "a page is missing or repeated"
        assert [row["is_last"] for row in pages[:-1]] == [False] * (len(pages) - 1)
        if pages[-1]["is_last"] and pages[-1]["outcome"] == "ok":
            items = [item for row in pages for item in row[kind] or []]
            versions[repo_type, key][pages[-1]["history_version"]].append((when, items))
    return {
        repo: [
            item
            for _, items in sorted(fetches[max(fetches)], key=lambda fetch: fetch[0], reverse=True)
            for item in items
        ]
        for repo, fetches in versions.items()
    }


def outcomes(lake: Lake, kind: str, *weeks: date) -> dict[tuple[str, str], str]:
    """Return each repository's last outcome."""
    ended = [row for row in rows(lake, f"raw_hub__{kind}", *weeks) if row["is_last"]]
    ended.sort(key=lambda row: (row["snapshot_date"], row["fetch_number"]))
    return {(row["repo_type"], row["repo_key"]): row["outcome"] for row in ended}


def truth(simulation: Simulation, kind: str) -> State:
    """Return the state of the readable repositories in a simulated week, from the simulation's tables."""
    people = list(zip(*(simulation.authors[name].to_pylist() for name in ("user", "avatar")), strict=True))
    types = dict(zip(*(simulation.accounts[name].to_pylist() for name in ("name", "type")), strict=True))
    found: State = {}
    for repo_type, history in simulation.histories.items():
        repos = simulation.repos[repo_type].to_pylist()
        if kind == "commits":
            table, offsets = history.commits, history.commit_offsets
            items = [_stored_commit(commit | {"id": commit["id"].hex()}, people) for commit in table.to_pylist()]
        else:
            table, offsets = history.discussions, history.discussion_offsets
            items = [_stored_discussion(discussion, people, types) for discussion in table.to_pylist()]
        for row, repo in enumerate(repos):
            if true_outcome(repo, kind) == "ok":
                found[repo_type, repo["_id"]] = items[offsets[row] : offsets[row + 1]]
    return found


def true_outcome(repo: Item, kind: str) -> str:
    """Return the expected outcome for a repository, given its row in a population's table."""
    if kind == "discussions":
        return "discussions_off" if repo["discussionsDisabled"] else "ok"
    if repo.get("gated", "false") != "false":
        return "gated"
    return "disabled" if repo["disabled"] else "ok"


def _stored_commit(commit: Item, people: list[tuple[str, str | None]] | None = None) -> Item:
    people = people or list(zip(AUTHORS, ("/ada.svg", None, "/grace.svg"), strict=True))
    authors = [people[index] for index in commit["authors"]]
    return {
        "id": commit["id"],
        "title": commit["title"],
        "date": commit["date"],
        "authors": [{"user": user, "has_avatar": avatar is not None} for user, avatar in authors],
        "trailers": [_signer(line) for line in commit["message"].splitlines() if line.startswith("Co-authored-by: ")],
    }


def _signer(line: str) -> Item:
    name, _, address = line.removeprefix("Co-authored-by: ").rstrip(">").rpartition(" <")
    handle, _, host = address.partition("@")
    return {"name": name, "handle": handle if host == "users.noreply.huggingface.co" else None}


def _stored_discussion(
    discussion: Item,
    people: list[tuple[str, str | None]] | None = None,
    types: dict[str, str] | None = None,
) -> Item:
    author = discussion["author"]
    name = None if author is None else people[author][0] if people else AUTHORS[author]
    return {
        "num": discussion["num"],
        "title": discussion["title"],
        "status": discussion["status"],
        "is_pull_request": discussion["isPullRequest"],
        "created_at": discussion["createdAt"],
        "author": name,
        "author_type": None if name is None else (types or {}).get(name, "user"),
        "n_comments": discussion["numComments"],
    }
