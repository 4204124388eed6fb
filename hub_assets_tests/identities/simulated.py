"""Identity resolution for the simulated Hub: raw tables of a complete crawl, and merges compared with the answer key.

Assertions and timings do not belong here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.hub.collect.fetches import Fetch, Page
from hub_assets.hub.collect.values import Values
from hub_assets.hub.sources.accounts import TABLE
from hub_assets.hub.sources.commits import keep
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.identities.bots import find_bots
from hub_assets.identities.candidates import accounts_to_ask_first, find_candidates
from hub_assets.identities.decisions import SCHEMA as DECISIONS
from hub_assets.identities.evidence import weigh
from hub_assets.identities.facts import NO_ACCOUNTS, Facts
from hub_assets.identities.merging import developers_of, merge, resolve
from hub_assets.identities.rules import decide
from hub_assets.local_hub.columns import whole
from hub_assets.local_hub.simulated import Simulation
from hub_assets.local_hub.simulated.text import hexadecimal_of
from hub_assets.vocabulary import HANDLE, REPO_TYPES, RepoType
from hub_assets.warehouse.database import replace_week
from hub_assets.warehouse.sql_project import Model, Project
from hub_assets_tests.hub.tables import COMMITS, HISTORIES
from hub_assets_tests.warehouse.building import prepare_tables

NAMES: Final = ("int_hub__author_strings", "int_hub__participations", "int_hub__trailers")
"""Inputs of identity resolution, besides accounts and seeds."""
STUDY_RULES: Final = ("same_repository", "real_name")
"""The study's automatic blocking rules."""
ANYBODY: Final = ("root", "ubuntu")
"""Names that several people share in the simulated Hub; in a small one, a name may belong to only one person."""
ACCOUNTS: Final = "enrich_hub__accounts"


def raw_tables(simulation: Simulation, *, with_accounts: bool = True) -> dict[str, pa.Table]:
    """Return the raw tables of a simulated week after a complete crawl without failures.

    Args:
        simulation: the week.
        with_accounts: whether accounts were also looked up.
    """
    accounts = _accounts(simulation) if with_accounts else TABLE.schema.empty_table()
    return {
        **{f"raw_hub__{kind}s": _listing(simulation, kind) for kind in REPO_TYPES},
        "raw_hub__commits": pa.concat_tables(_commits(simulation, kind) for kind in REPO_TYPES),
        "raw_hub__discussions": pa.concat_tables(_discussions(simulation, kind) for kind in REPO_TYPES),
        ACCOUNTS: accounts,
    }


def put(connection: duckdb.DuckDBPyConnection, project: Project, tables: Mapping[str, pa.Table]) -> None:
    """Load raw tables, seeds and staging into a database; tables that are not given are empty."""
    prepare_tables(connection, project)
    for name, table in tables.items():
        connection.register("given", table)
        connection.execute(f"create or replace table {name} as from given")
        connection.unregister("given")


def build(connection: duckdb.DuckDBPyConnection, models: Iterable[Model], week: date) -> None:
    """Build the given SQL models for a week."""
    for model in models:
        replace_week(connection, model.name, week, model.render(week))


@dataclass(frozen=True)
class Identities:
    """Candidate pairs before the account lookup, names to look up first, decided pairs, bots and developers."""

    candidates: pa.Table
    first: pa.Array
    pairs: pa.Table
    bots: pa.Table
    developers: pa.Table


def identify(connection: duckdb.DuckDBPyConnection, week: date, accounts: pa.Table | None = None) -> Identities:
    """Find a week's developers as the assets do, but without any decisions by people.

    Args:
        connection: a database in which `NAMES` are built.
        week: its Monday.
        accounts: responses to account lookups, used instead of those in the database.
    """

    def rows(table: str) -> pa.Table:
        return connection.sql(f"select * from {table} where snapshot_date = date '{week}'").to_arrow_table()

    def facts(answers: pa.Table) -> Facts:
        return Facts(authors, rows(NAMES[1]), rows(NAMES[2]), whole(bots["author"]), whole(generic["name"]), answers)

    authors = rows(NAMES[0])
    bots = find_bots(whole(authors["author"]), connection.sql("select name, kind, reason from bots").to_arrow_table())
    generic = connection.sql("select name from generic_names").to_arrow_table()
    with facts(NO_ACCOUNTS) as known:
        candidates = find_candidates(known)
        first = accounts_to_ask_first(known, candidates)
    answers = rows("stg_hub__accounts") if accounts is None else accounts
    decisions = DECISIONS.empty_table()
    with facts(answers.select(NO_ACCOUNTS.schema.names)) as known:
        pairs = resolve(known, decide(known, weigh(known, find_candidates(known, candidates, decisions)), decisions))
        developers = developers_of(known, authors, pairs, bots)
    return Identities(candidates, first, pairs, bots, developers)


def keep_identities(connection: duckdb.DuckDBPyConnection, project: Project, week: date, found: Identities) -> None:
    """Write one week's rows of the identity tables that marts read."""
    developers = found.developers.append_column("decisions_hash", pa.repeat("", len(found.developers)))
    for name, table in (
        ("core__candidate_pairs", found.candidates),
        ("core__developer_pairs", found.pairs),
        ("core__developers", developers),
    ):
        connection.register("made", table)
        columns = ", ".join(column.name for column in project.tables[name].columns if column.name != "snapshot_date")
        replace_week(connection, name, week, f"select date '{week}' as snapshot_date, {columns} from made")
        connection.unregister("made")


@dataclass(frozen=True)
class Confusion:
    """Agreement between merged pairs of author strings and pairs that belong to the same person."""

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        """Share of merged pairs that are correct; 1 if none is merged."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that are merged; 1 if there are none."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / ((self.precision + self.recall) or 1.0)


def confusion(key: pa.Table, merged: pa.Table) -> Confusion:
    """Compare merged pairs with the answer key.

    A string shared by several people has no correct answer and is left out. A bot's string belongs to no person, so
    merging it is an error.

    Args:
        key: `user` and `person` (null for bots), as `AnswerKey.people`.
        merged: `author_a` and `author_b`, in any order, each pair once.
    """
    with duckdb.connect() as connection:
        connection.register("key", key)
        connection.register("merged", merged)
        ((tp, fp, n_true),) = connection.execute(f"""
            with
            strings as (
                select "user" as author, min(person) as person, count(distinct person) as n_persons
                from key group by "user"
            ),
            clear as (
                select author, person, person is null as is_bot
                from strings where n_persons <= 1 and author not in {ANYBODY}
            ),
            judged as (
                select coalesce(a.person = b.person, false) as is_right
                from merged
                inner join clear as a on merged.author_a = a.author
                inner join clear as b on merged.author_b = b.author
            ),
            persons as (
                select count(*) as n from clear where not is_bot group by person
            )
            select
                (select count(*) from judged where is_right),
                (select count(*) from judged where not is_right),
                (select coalesce(sum(n * (n - 1) // 2), 0) from persons)
        """).fetchall()
    return Confusion(int(tp), int(fp), int(n_true) - int(tp))


def merged_pairs(developers: pa.Table) -> pa.Table:
    """Return all pairs of author strings (`author_a`, `author_b`) of the same developer."""
    with duckdb.connect() as connection:
        connection.register("developers", developers)
        return connection.sql("""
            select a.author as author_a, b.author as author_b
            from developers as a inner join developers as b on a.developer_id = b.developer_id and a.author < b.author
        """).to_arrow_table()


def taken(pairs: pa.Table) -> pa.Table:
    """Return the transitive closure of these pairs: the result of accepting every proposal."""
    names = pc.unique(pa.chunked_array([*pairs["author_a"].chunks, *pairs["author_b"].chunks], pa.string()))
    places = [pc.index_in(whole(pairs[side]), names).to_numpy().astype(np.int64) for side in ("author_a", "author_b")]
    no_pairs, no_account = np.empty((0, 2), np.int64), np.full(len(names), -1)
    no_tiers = np.empty(0, np.int64)
    labels, _ = merge(
        len(names), np.column_stack(places), np.zeros(len(pairs), np.int64), no_pairs, no_tiers, no_account
    )
    return merged_pairs(pa.table({"author": names, "developer_id": labels}))


def proposed(pairs: pa.Table, *generators: str) -> pa.Table:
    """Return the pairs proposed by any of these generators."""
    with duckdb.connect() as connection:
        connection.register("pairs", pairs)
        found = connection.sql("select * from pairs where list_has_any(generators, $1)", params=[list(generators)])
        return found.to_arrow_table()


def accepted(pairs: pa.Table) -> pa.Table:
    """Return the decided pairs that are merged."""
    return pairs.filter(pc.and_(pc.equal(pairs["decision"], "accepted"), pc.invert(pairs["is_conflict"])))


def rule_rows(key: pa.Table, pairs: pa.Table) -> list[dict[str, Any]]:
    """Return each rule's number of `accepted` pairs, their `share` of all accepted pairs, `precision` and `recall`.

    Pairs that are merged only by transitivity do not count.
    """
    made = accepted(pairs)
    counts = pc.value_counts(made["rule"]).to_pylist()
    rows = []
    for rule, n in sorted(((one["values"], one["counts"]) for one in counts), key=lambda one: (-one[1], one[0])):
        held = confusion(key, made.filter(pc.equal(made["rule"], rule)))
        figures = {"precision": held.precision, "recall": held.recall}
        rows.append({"rule": rule, "accepted": n, "share": n / len(made), **figures})
    return rows


def _filled(schema: pa.Schema, rows: int, columns: Mapping[str, Any]) -> pa.Table:
    """Return a table with the given schema; each column is an array or repeats a constant, and defaults to nulls."""

    def column(field: pa.Field) -> pa.Array:
        value = columns.get(field.name)
        if isinstance(value, pa.Array | pa.ChunkedArray):
            return value.cast(field.type)
        return pa.nulls(rows, field.type) if value is None else pa.repeat(pa.scalar(value, field.type), rows)

    return pa.table([column(field) for field in schema], schema=schema)


def _asked(simulation: Simulation) -> dict[str, Any]:
    return {"snapshot_date": simulation.week, "observed_at": datetime.combine(simulation.week, time(12))}


def _listing(simulation: Simulation, kind: RepoType) -> pa.Table:
    repos = simulation.repos[kind]
    columns = dict(zip(repos.column_names, repos.columns, strict=True))
    if kind == "model":
        columns["safetensors"] = _reordered(whole(repos["safetensors"]), ("total", "parameters"))
    author = pc.struct_field(pc.extract_regex(repos["id"], "^(?P<author>[^/]+)/"), "author")
    return _filled(LISTINGS[kind].schema, len(repos), columns | _asked(simulation) | {"author": author})


def _reordered(structs: pa.StructArray, names: Iterable[str]) -> pa.StructArray:
    names = list(names)
    return pa.StructArray.from_arrays(
        [pc.struct_field(structs, name) for name in names], names, mask=pc.is_null(structs)
    )


def _visits(simulation: Simulation, kind: RepoType, items: str, offsets: Any, values: dict[str, Any]) -> pa.Table:
    """Return one response per repository, with its slice of the given items."""
    schema, repos = HISTORIES[items].schema, simulation.repos[kind]
    of_items = schema.field(items).type
    structs = _filled(pa.schema(list(of_items.value_type)), int(offsets[-1]), values).to_struct_array()
    sizes = pa.array(np.diff(offsets))
    columns = {
        "repo_type": kind,
        "repo_key": repos["_id"],
        "repo_id": repos["id"],
        "listed_sha": repos["sha"],
        "outcome": "ok",
        "status": 200,
        "attempts": 1,
        "calls": 1,
        "sample_share": 1.0,
        "fetch_number": 1,
        "page": 0,
        "is_last": True,
        "history_version": 1,
        "n_total": sizes,
        "n_fetched": sizes,
        items: pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), whole(structs)),
    }
    return _filled(schema, len(repos), columns | _asked(simulation))


def _commits(simulation: Simulation, kind: RepoType) -> pa.Table:
    history = simulation.histories[kind]
    commits, users = history.commits, simulation.authors
    places = whole(commits["authors"])
    named = pa.table({"user": users["user"], "has_avatar": pc.is_valid(users["avatar"])}).take(places.flatten())
    starts = np.append(0, np.cumsum(pc.list_value_length(places).to_numpy())).astype(np.int32)
    messages = whole(commits["message"].unify_dictionaries())
    values = {
        "id": hexadecimal_of(whole(commits["id"])),
        "title": commits["title"],
        "date": commits["date"],
        "authors": pa.ListArray.from_arrays(pa.array(starts), whole(named.to_struct_array())),
        "trailers": _trailers(messages.dictionary).take(messages.indices),
    }
    return _visits(simulation, kind, "commits", history.commit_offsets, values)


def _trailers(messages: pa.Array) -> pa.Array:
    """Return the co-authors in each message, as parsed by the crawl."""
    items = [{"message": message, "authors": []} for message in messages.to_pylist()]
    new = Fetch(
        "model", "", "", None, None, None, None, None, fetch_number=1, history_version=0, known_head=None, known_total=0
    )
    kept = keep(new, Page(items, None, 0, len(items), None), items, Values()).items
    of_items = COMMITS.schema.field("commits").type.value_type
    return pa.array([item["trailers"] for item in kept], of_items.field("trailers").type)


def _discussions(simulation: Simulation, kind: RepoType) -> pa.Table:
    history = simulation.histories[kind]
    talks = history.discussions
    values = {
        "num": talks["num"],
        "title": talks["title"],
        "status": talks["status"],
        "is_pull_request": talks["isPullRequest"],
        "created_at": talks["createdAt"],
        "author": simulation.authors["user"].take(whole(talks["author"])),
        "n_comments": talks["numComments"],
    }
    return _visits(simulation, kind, "discussions", history.discussion_offsets, values)


def _accounts(simulation: Simulation) -> pa.Table:
    """Return a response for every author string that could be a handle; other spellings redirect to the account."""
    with duckdb.connect() as connection:
        for name in ("authors", "accounts", "members"):
            connection.register(name, getattr(simulation, name))
        answers = connection.sql(f"""
            with
            strings as (
                select distinct "user" as author from authors where regexp_full_match("user", '{HANDLE}')
            ),
            named as (
                select distinct on (lower(name)) * from accounts order by lower(name), _id
            ),
            memberships as (
                select members."user" as name, list({{'account_key': _id, 'name': org}} order by org) as organizations
                from members inner join accounts on members.org = accounts.name
                group by members."user"
            )
            select
                strings.author,
                case when named._id is null then 'gone' else 'ok' end as outcome,
                case when named._id is null then 404 else 200 end as status,
                1 + cast(named.type is distinct from 'user' as int)
                    + cast(coalesce(named.name <> strings.author, false) as int) as calls,
                named._id as account_key,
                named.type as account_type,
                named.name,
                named.fullname,
                case when named._id is not null then coalesce(memberships.organizations, []) end as organizations
            from strings
            left join named on lower(strings.author) = lower(named.name)
            left join memberships on named.name = memberships.name
            order by strings.author
        """).to_arrow_table()
    columns = dict(zip(answers.column_names, answers.columns, strict=True))
    return _filled(TABLE.schema, len(answers), columns | _asked(simulation) | {"attempts": 1})
