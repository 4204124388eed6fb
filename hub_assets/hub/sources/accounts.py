"""Looks up the accounts behind author strings, for every string that could be a handle.

Each string is looked up again after some weeks, so renames and deletions are noticed. Deciding which accounts belong to
the same person does not belong here.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.plan import select_from
from hub_assets.hub.collect.raw_table import TIME, Lookup, Lookups, PlanRequest, ResponseTable
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubGone
from hub_assets.scratch import scratch
from hub_assets.vocabulary import HANDLE

NAME: Final = "enrich_hub__accounts"


def plan(request: PlanRequest) -> Lookups:
    """Find the names that could be handles and need a lookup.

    Names are skipped if they were looked up this week, or successfully within the selection's `recheck_weeks`. The
    names in the request's `first` come first, in the given order, even if they are not author strings. Author strings
    follow, ordered by number of commits, so people who have only started discussions come last. Strings with spaces or
    other characters that handles never contain are skipped, too.
    """
    snapshot_date, first = request.snapshot_date, request.first
    files = {table: request.files(table) for table in ("raw_hub__commits", "raw_hub__discussions", NAME)}
    commits = {"commits": 'struct(authors struct("user" varchar)[])[]'}
    discussions = {"discussions": "struct(author varchar)[]"}
    since = snapshot_date - timedelta(weeks=request.selection.recheck_weeks)
    with scratch() as connection:
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
                {select_from(files[NAME], {"snapshot_date": "date", "author": "varchar", "outcome": "varchar"})}
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
            where regexp_full_match(counted.author, '{HANDLE}')
                and counted.author not in (select author from asked)
                and not (select coalesce(bool_and(outcome = 'not_asked'), false) from answers)
            group by counted.author
            order by min(first.rank) nulls last, sum(n) desc, counted.author
        """).to_arrow_table()
    return Lookups(authors["author"].combine_chunks(), "account")


def ask(client: HubClient, question: Lookup) -> Iterator[Row]:
    """Look up a name as a user, then as an organization, and yield a single row.

    The Hub redirects other spellings of a handle; `name` is the handle in its canonical spelling.
    """
    row: Row = {"author": question.text}
    calls = 0
    for account_type, path in (("user", "users"), ("org", "organizations")):
        try:
            answer = client.get(f"/api/{path}/{quote(question.text)}/overview")
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


TABLE: Final = ResponseTable(
    name=NAME,
    columns={
        "author": pa.string(),
        "account_key": pa.string(),
        "account_type": pa.string(),
        "name": pa.string(),
        "fullname": pa.string(),
        "created_at": TIME,
        "organizations": pa.list_(pa.struct([("account_key", pa.string()), ("name", pa.string())])),
    },
    label="author strings found so far",
    plan=plan,
    ask=ask,
    position=4,
    budget_share=0.15,
    reads=("raw_hub__commits", "raw_hub__discussions", "core__account_questions"),
    first="select author from core__account_questions where snapshot_date = $week order by position",
    # the 404 of an unknown account has no error code
    is_suspect=response_log.is_suspect_failure,
)
