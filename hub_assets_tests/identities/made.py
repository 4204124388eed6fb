"""Synthetic commits and accounts, and the steps from them to developers."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

import dbt_like_sql
from hub_assets.identities.candidates import find_candidates
from hub_assets.identities.evidence import weigh
from hub_assets.identities.facts import NO_ACCOUNTS, Facts
from hub_assets.identities.merging import developers_of, resolve
from hub_assets.identities.rules import decide

WEEK = date(2026, 11, 16)

Row = dict[str, Any]
Pair = tuple[str, str]

AUTHORS = pa.schema(
    [
        ("author", pa.string()),
        ("first_seen_date", pa.date32()),
        ("first_seen_at", pa.timestamp("us")),
        ("is_linked", pa.bool_()),
        ("n_commits", pa.int64()),
    ]
)
PARTICIPATIONS = pa.schema(
    [
        ("repo_type", pa.string()),
        ("repo_key", pa.string()),
        ("repo_id", pa.string()),
        ("namespace", pa.string()),
        ("author", pa.string()),
        ("is_committer", pa.bool_()),
        ("is_first_author", pa.bool_()),
        ("active_weeks", pa.list_(pa.date32())),
    ]
)
TRAILERS = pa.schema([("name", pa.string()), ("handle", pa.string())])
DECISIONS = pa.schema([(name, pa.string()) for name in ("author_a", "author_b", "decision", "evidence")])
BOTS = pa.schema([("author", pa.string()), ("reason", pa.string())])


class Commit(NamedTuple):
    """A commit to a repository such as `love/engine`; the first author committed it, the others are in its trailers."""

    repo: str
    authors: tuple[str, ...]
    week: date = WEEK
    repo_type: str = "model"


def commits(repo: str, *authors: str, week: int = 0, repo_type: str = "model") -> list[Commit]:
    """Return one commit by each author."""
    return [Commit(repo, (author,), WEEK + timedelta(weeks=week), repo_type) for author in authors]


def answer(author: str, account_key: str | None = None, *, week: int = 0, outcome: str = "ok", **others: Any) -> Row:
    """Return one of the Hub's responses to an account lookup."""
    row = dict.fromkeys(NO_ACCOUNTS.schema.names) | {"author": author, "account_key": account_key, "outcome": outcome}
    if outcome == "ok":
        row |= {"account_key": account_key or f"key of {author}", "account_type": "user", "organizations": []}
        row |= {"name": author}
    return row | {"snapshot_date": WEEK + timedelta(weeks=week)} | others


def member_of(*organizations: str) -> list[Row]:
    return [{"account_key": f"key of {name}", "name": name} for name in organizations]


class Made:
    """A small Hub's commits and accounts, and the steps from them to developers.

    Args:
        history: its commits.
        linked: whether the Hub links a string's commits to an account; unknown for all other strings.
        answers: responses to account lookups.
        trailers: pairs of a name and a handle.
        talks: pairs of a repository and the starter of a discussion in it.
        bots: author strings of programs.
        generic: names that identify nobody.
        decisions: people's decisions on pairs.
    """

    def __init__(
        self,
        history: Iterable[Commit],
        *,
        linked: Mapping[str, bool] | None = None,
        answers: Sequence[Row] = (),
        trailers: Iterable[Pair] = (),
        talks: Iterable[Pair] = (),
        bots: Iterable[str] = (),
        generic: Iterable[str] = (),
        decisions: Mapping[Pair, str] | None = None,
    ) -> None:
        self.authors, self.participations = _tables(list(history), list(talks), linked or {})
        self.answers = pa.Table.from_pylist(list(answers), NO_ACCOUNTS.schema)
        self.trailers = pa.Table.from_pylist([{"name": n, "handle": h} for n, h in trailers], TRAILERS)
        self.bots = pa.Table.from_pylist([{"author": bot, "reason": "it is made"} for bot in bots], BOTS)
        self.generic = pa.array(list(generic), pa.string())
        self.decisions = pa.Table.from_pylist(
            [
                {"author_a": min(pair), "author_b": max(pair), "decision": decision, "evidence": ""}
                for pair, decision in (decisions or {}).items()
            ],
            DECISIONS,
        )

    def facts(self) -> Facts:
        bots = self.bots["author"].combine_chunks()
        return Facts(self.authors, self.participations, self.trailers, bots, self.generic, self.answers)

    def proposed(self) -> dict[Pair, set[str]]:
        """Return the generators that propose each candidate pair."""
        with self.facts() as facts:
            rows = find_candidates(facts).to_pylist()
        return {(row["author_a"], row["author_b"]): set(row["generators"]) for row in rows}

    def proposed_by(self, generator: str) -> set[Pair]:
        return {pair for pair, generators in self.proposed().items() if generator in generators}

    def weighed(self, *pairs: Pair) -> list[Row]:
        """Return the evidence on the given pairs, in the same order."""
        with self.facts() as facts:
            rows: list[Row] = weigh(facts, _pairs(pairs)).to_pylist()
        return rows

    def resolved(self) -> dict[Pair, Row]:
        """Return the decision on each candidate pair, with its evidence."""
        with self.facts() as facts:
            return {(row["author_a"], row["author_b"]): row for row in self._resolve(facts).to_pylist()}

    def developers(self) -> dict[str, Row]:
        """Return the developer behind each author string."""
        with self.facts() as facts:
            return _by_author(developers_of(facts, self.authors, self._resolve(facts), self.bots))

    def developers_by(self, decided: pa.Table) -> dict[str, Row]:
        """Return the developer behind each author string, given decided pairs."""
        with self.facts() as facts:
            return _by_author(developers_of(facts, self.authors, resolve(facts, decided), self.bots))

    def _resolve(self, facts: Facts) -> pa.Table:
        pairs = find_candidates(facts, decided=self.decisions)
        return resolve(facts, decide(facts, weigh(facts, pairs), self.decisions))


def people(developers: Mapping[str, Row]) -> set[frozenset[str]]:
    """Return each developer's author strings, leaving out developers who have only one."""
    strings: dict[str, set[str]] = {}
    for author, row in developers.items():
        strings.setdefault(row["developer_id"], set()).add(author)
    return {frozenset(some) for some in strings.values() if len(some) > 1}


def seed(name: str) -> pa.Table:
    """Return the rows of one of the project's seeds."""
    with (Path(dbt_like_sql.__file__).parent / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return pa.Table.from_pylist(list(csv.DictReader(file)))


def _by_author(developers: pa.Table) -> dict[str, Row]:
    return {row["author"]: row for row in developers.to_pylist()}


def _pairs(pairs: Iterable[Pair]) -> pa.Table:
    schema = pa.schema(
        [("author_a", pa.string()), ("author_b", pa.string()), ("generators", pa.list_(pa.string()))],
    )
    return pa.Table.from_pylist([{"author_a": a, "author_b": b, "generators": []} for a, b in pairs], schema)


def _tables(history: list[Commit], talks: list[Pair], linked: Mapping[str, bool]) -> tuple[pa.Table, pa.Table]:
    strings: dict[str, Row] = {}
    rows: dict[tuple[str, str, str], Row] = {}

    def met(repo_type: str, repo: str, author: str, week: date) -> Row:
        string = strings.setdefault(author, {"author": author, "is_linked": linked.get(author), "n_commits": 0})
        string["first_seen_date"] = min(week, string.get("first_seen_date", week))
        string["first_seen_at"] = datetime.combine(string["first_seen_date"], time())
        key: Row = {"repo_type": repo_type, "repo_key": repo, "repo_id": repo}
        key |= {"namespace": repo.split("/")[0] if "/" in repo else None}
        usual = key | {"author": author, "is_committer": False, "is_first_author": False, "active_weeks": None}
        return rows.setdefault((repo_type, repo, author), usual)

    for commit in history:
        for author in dict.fromkeys(commit.authors):
            row = met(commit.repo_type, commit.repo, author, commit.week)
            strings[author]["n_commits"] += 1
            row["is_committer"] = True
            row["is_first_author"] |= author == commit.authors[0]
            row["active_weeks"] = sorted({*(row["active_weeks"] or ()), commit.week})
    for repo, author in talks:
        met("model", repo, author, WEEK)
    return (
        pa.Table.from_pylist(list(strings.values()), AUTHORS),
        pa.Table.from_pylist(list(rows.values()), PARTICIPATIONS),
    )
