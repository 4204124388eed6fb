"""The accounts behind author strings: looks up every string that could be a handle.

Each string is looked up again after some weeks, so renames and deletions are noticed. Deciding which accounts belong to
the same person does not belong here.
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
    """An author string to look up."""

    author: str
    kind: str = "account"
    has_failed: bool = False


@dataclass(frozen=True)
class AccountPlan:
    """The author strings to look up (a column `author`), in order."""

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
    """Find the names that could be handles and need a lookup.

    A lookup from this week, or one within `recheck_weeks` that did not fail, is not repeated. The names in `first` come
    first, in the given order, whether or not they are author strings. Author strings follow, ordered by number of
    commits, so people who have only started discussions come last. Strings with a space or another character that
    handles never contain are skipped.
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
        connection.register("first", pa.table({"author": first, "rank": range(len(first))}))
        authors = connection.sql(f"""
            with
            committed as (
                select unnest(flatten(list_transform(commits, lambda item: item.authors)))."user" as author
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
            order by min(first.rank) nulls last, sum(n) desc, counted.author
        """).to_arrow_table()
    return AccountPlan(authors)


def answers(client: HubClient, question: Author) -> Iterator[Row]:
    """Look up a name as a user, then as an organization, and yield a single row.

    The Hub redirects other spellings of a handle; `name` is the handle in its canonical spelling.
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
        response = response_log.of_answer(answer) | {"calls": calls + answer.calls, "account_type": account_type}
        yield row | response | account
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
            {"account_key": values.text(organization.get("id")), "name": values.text(organization.get("name"))}
            for organization in values.items(body.get("orgs"))
        ],
    }


def land_accounts(
    client: HubClient,
    lake: Lake,
    snapshot_date: date,
    first: pa.Array = NOBODY,
    recheck_weeks: int = RECHECK_WEEKS,
    **options: Unpack[CollectOptions],
) -> Manifest:
    """Look up the accounts of a week's author strings and add them to `enrich_hub__accounts`.

    Args:
        client: the Hub client.
        lake: holds the histories and receives the rows.
        snapshot_date: the week.
        first: author strings to look up before all others, in this order.
        recheck_weeks: number of weeks after which a string is looked up again.
        options: see `collection.CollectOptions`.

    Returns:
        The manifest. Its `details` hold `is_complete`, `n_left` (number of strings not looked up), and those of
        `collection.land_answers`.

    Raises:
        RefreshRefused, HubError, LandingBusy: see `collection.land_answers`.
    """
    return land_answers(
        client,
        lake,
        TABLE,
        snapshot_date,
        lambda: plan_accounts(lake, snapshot_date, first, recheck_weeks),
        lambda author: answers(client, author),
        lambda left: {"is_complete": not len(left), "n_left": len(left)},
        # the 404 for an unknown account has no error code, so it must not look suspect
        is_suspect=lambda row: row["outcome"] == "failed" and response_log.is_suspect(row),
        **options,
    )
