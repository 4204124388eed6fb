"""Resolves model ids that appear in no listing: renamed or deleted models that a Space or derived model references.

An id takes a single request that does not follow redirects. A redirect's target is either listed or requested in turn.
Reading base models from tags does not belong here.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

import pyarrow as pa

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.plan import select_from
from hub_assets.hub.collect.raw_table import Lookup, Lookups, PlanRequest, ResponseTable
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubUnusable
from hub_assets.scratch import scratch

NAME: Final = "enrich_hub__aliases"
HOPS: Final = 3
"""Maximum number of renames to follow for an id."""


def plan(request: PlanRequest) -> Lookups:
    """Find unlisted ids that a Space or derived model references, or that another id redirects to.

    The request's `first` holds the base-model id of every model that names one. The Hub ignores case in ids, so an
    id that is listed with different capitalization is skipped, and an id that is capitalized in several ways is
    requested only once. Strings that cannot be an id are skipped, as are ids requested this week, or successfully
    within the selection's `recheck_weeks`. The ids named by the most Spaces come first, then those named by the most
    derived models.
    """
    lake, snapshot_date = request.lake, request.snapshot_date
    listed, spaces = (lake.files(f"raw_hub__{kind}s", snapshot_date) for kind in ("model", "space"))
    since = snapshot_date - timedelta(weeks=request.selection.recheck_weeks)
    with scratch() as connection:
        for name, files, columns in (
            ("listed", listed, {"id": "varchar"}),
            ("spaces", spaces, {"models": "varchar[]"}),
            (
                "answers",
                request.files(NAME),
                dict.fromkeys(("repo_id", "target_id", "outcome"), "varchar") | {"snapshot_date": "date"},
            ),
        ):
            connection.execute(f"create temp table {name} as {select_from(files, columns)}")
        connection.register("bases", pa.table({"repo_id": request.first}))
        ids = connection.sql(f"""
            with
            named as (
                select unnest(list_distinct(models)) as repo_id, 1 as n_spaces from spaces
                union all
                select target_id, 1 from answers where outcome = 'moved'
                union all
                select repo_id, 0 from bases
            ),
            asked as (
                select repo_id from answers
                where snapshot_date = date '{snapshot_date}'
                    or (snapshot_date > date '{since}' and outcome <> 'failed')
            ),
            known as (
                select lower(id) as spelling from listed
                union
                select lower(repo_id) from asked
            )
            select min(repo_id) as repo_id from named
            anti join known on lower(named.repo_id) = known.spelling
            where regexp_full_match(repo_id, '\\w[\\w.-]{{0,95}}(/\\w[\\w.-]{{0,95}})?')
                and not (select coalesce(bool_and(outcome = 'not_asked'), false) from answers)
            group by lower(repo_id)
            order by sum(n_spaces) desc, count(*) desc, repo_id
        """).to_arrow_table()
    return Lookups(ids["repo_id"].combine_chunks(), "model")


def ask(client: HubClient, question: Lookup) -> Iterator[Row]:
    """Resolve an id and yield a single row, with `target_id` if it redirects, and `repo_key` if the model exists."""
    prefix = "/api/models/"
    row: Row = {"repo_type": "model", "repo_id": question.text}
    try:
        answer = client.get(f"{prefix}{quote(question.text)}?expand=sha", follow=False)
        target = None if answer.location is None else _target(answer.location, prefix, answer)
        body = {} if target is not None else response_log.object_in(answer)
    except HubError as error:
        yield row | response_log.of_error(error, client)
        return
    if target is not None:
        yield row | response_log.of_answer(answer, "moved") | {"target_id": target}
        return
    values = Values()
    ids = {"repo_key": values.text(body.get("_id")), "target_id": values.text(body.get("id"))}
    yield row | response_log.of_answer(answer) | ids


def _target(location: str, prefix: str, answer: Answer) -> str:
    """Return the id that a redirect leads to.

    Raises:
        HubUnusable: if the target is not a model.
    """
    target = unquote(location.partition("?")[0])
    if not target.startswith(prefix):
        raise HubUnusable(f"the redirect leads to {target}", url=answer.path, status=answer.status)
    return target.removeprefix(prefix)


TABLE: Final = ResponseTable(
    name=NAME,
    columns={"repo_type": pa.string(), "repo_id": pa.string(), "target_id": pa.string(), "repo_key": pa.string()},
    label="unlisted model ids",
    plan=plan,
    ask=ask,
    position=2,
    budget_share=0.05,
    reads=("raw_hub__models", "raw_hub__spaces", "int_hub__base_models"),
    first="select base_repo_id from int_hub__base_models where snapshot_date = $week and base_repo_id <> '(no id)'",
    # most of these models are missing, and without a token the Hub answers 401 for a missing model
    is_suspect=response_log.is_suspect_failure,
    rounds=HOPS,
)
