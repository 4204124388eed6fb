"""The accounts behind author strings: what the Hub tells of each string that could be a handle.

A history: a string is asked again after some weeks, so that renames and deletions are seen. Which of them are one
person does not belong here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Unpack
from urllib.parse import quote

import duckdb
import pyarrow as pa

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.collection import CollectOptions, land_answers
from hub_assets.hub.collect.plan import BATCH, RECHECK_WEEKS, select_from
from hub_assets.hub.collect.response_log import Row, Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubGone
from hub_assets.lake.parts import Lake, Manifest

TABLE: Final = "enrich_hub__accounts"


@dataclass(frozen=True)
class Author:
    """An author string to ask for."""

    author: str
    kind: str = "account"
    has_failed: bool = False


@dataclass(frozen=True)
class AccountPlan:
    """The author strings to ask for (a column `author`), in their order."""

    authors: pa.Table

    def __len__(self) -> int:
        return len(self.authors)

    def __iter__(self) -> Iterator[Author]:
        for batch in self.authors.to_batches(max_chunksize=BATCH):
            yield from map(Author, batch.column(0).to_pylist())


NOBODY: Final = pa.array([], pa.string())


def plan_accounts(
    lake: Lake, snapshot_date: date, first: pa.Array = NOBODY, recheck_weeks: int = RECHECK_WEEKS
) -> AccountPlan:
    """Find the names that could be handles and were not asked this week, or within `recheck_weeks` in vain.

    Those in `first` come first, in its order, be they author strings or not; then author strings, those with the most
    commits first, and those who only started discussions last. A string with a space, or with a character that no
    handle has, is never an account's.
    """
    files = {
        table: [file for week in lake.weeks(table) if week < snapshot_date for file in lake.files(table, week)]
        + lake.files_so_far(table, snapshot_date)
        for table in ("raw_hub__commits", "raw_hub__discussions", TABLE)
    }
    commits = {"commits": 'struct(authors struct("user" varchar)[])[]'}
    discussions = {"discussions": "struct(author varchar)[]"}
    since = snapshot_date - timedelta(weeks=recheck_weeks)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.register("first", pa.table({"author": first, "place": range(len(first))}))
        authors = connection.sql(f"""
            with
            committed as (
                select unnest(flatten(list_transform(commits, lambda one: one.authors)))."user" as author
                from ({select_from(files["raw_hub__commits"], commits)})
            ),
            started as (
                select unnest(discussions).author as author
                from ({select_from(files["raw_hub__discussions"], discussions)})
            ),
            answers as (
                {select_from(files[TABLE], {"snapshot_date": "date", "author": "varchar", "outcome": "varchar"})}
            ),
            asked as (
                select author from answers
                where snapshot_date = date '{snapshot_date}'
                    or (snapshot_date > date '{since}' and outcome <> 'failed')
            ),
            counted as (
                select author, count(*) as n from committed group by author
                union all
                select distinct author, 0 from started
                union all
                select author, 0 from first
            )
            select counted.author from counted
            left join first on counted.author = first.author
            where regexp_full_match(counted.author, '[A-Za-z0-9_][A-Za-z0-9._-]{{0,95}}')
                and counted.author not in (select author from asked)
                and not (select coalesce(bool_and(outcome = 'not_asked'), false) from answers)
            group by counted.author
            order by min(first.place) nulls last, sum(n) desc, counted.author
        """).to_arrow_table()
    return AccountPlan(authors)


def answers(client: HubClient, question: Author) -> Iterator[Row]:
    """Ask for the user of a name, else for the organization, and yield one row.

    Another spelling of a handle is redirected: `name` is the handle itself.
    """
    row: Row = {"author": question.author}
    calls = 0
    for account_type, path in (("user", "users"), ("org", "organizations")):
        try:
            answer = client.get(f"/api/{path}/{quote(question.author)}/overview")
            account = _account(answer)
        except HubError as error:
            calls += error.calls
            if not isinstance(error, HubGone) or error.status == 401 or account_type == "org":
                yield row | response_log.of_error(error, client) | {"calls": calls}
                return
            continue
        found = response_log.of_answer(answer) | {"calls": calls + answer.calls, "account_type": account_type}
        yield row | found | account
        return


def _account(answer: Answer) -> dict[str, Any]:
    body = response_log.object_in(answer)
    values = Values()
    return {
        "account_key": values.text(body.get("_id")),
        "name": values.text(body.get("user") or body.get("name")),
        "fullname": values.text(body.get("fullname")),
        "created_at": values.moment(body.get("createdAt")),
        "organizations": [
            {"account_key": values.text(one.get("id")), "name": values.text(one.get("name"))}
            for one in values.items(body.get("orgs"))
        ],
    }


def land_accounts(
    client: HubClient,
    lake: Lake,
    snapshot_date: date,
    first: pa.Array = NOBODY,
    recheck_weeks: int = RECHECK_WEEKS,
    **terms: Unpack[CollectOptions],
) -> Manifest:
    """Ask for the accounts of the author strings that are known in a week, and add them to `enrich_hub__accounts`.

    Args:
        client: whom to ask.
        lake: where the histories are, and where to write.
        snapshot_date: the week.
        first: author strings to ask before all others, in their order.
        recheck_weeks: after so many weeks a string is asked again.
        terms: see `collection.CollectOptions`.

    Returns:
        The manifest. Its `details`: `is_complete`, `n_left` (strings that were not asked), and what
        `collection.land_answers` says.

    Raises:
        RefreshRefused, HubError, LandingBusy: as `collection.land_answers`.
    """
    return land_answers(
        client,
        lake,
        TABLE,
        snapshot_date,
        lambda: plan_accounts(lake, snapshot_date, first, recheck_weeks),
        lambda author: answers(client, author),
        lambda left: {"is_complete": not len(left), "n_left": len(left)},
        # who is no account is answered 404 without a code
        is_suspect=lambda row: row["outcome"] == "failed" and response_log.is_suspect(row),
        **terms,
    )
