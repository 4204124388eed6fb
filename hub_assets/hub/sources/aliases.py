"""Resolves model ids that no listing has: renamed or deleted models that a Space or a derived model references.

Each id is requested once, without following redirects. The redirect's target is either listed or requested in turn.
Reading base models from tags does not belong here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Unpack
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.collection import CollectOptions, land_answers
from hub_assets.hub.collect.plan import BATCH, RECHECK_WEEKS, select_from
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubUnusable
from hub_assets.lake.parts import Lake, Manifest

TABLE: Final = "enrich_hub__aliases"
_ANSWERS: Final = {"snapshot_date": "date", "repo_id": "varchar", "target_id": "varchar", "outcome": "varchar"}
HOPS: Final = 3
"""Maximum number of renames to follow for an id."""


@dataclass(frozen=True)
class Alias:
    """An id to resolve."""

    repo_id: str
    kind: str = "model"
    has_failed: bool = False


@dataclass(frozen=True)
class AliasPlan:
    """The ids to resolve (a column `repo_id`), ordered by the number of Spaces, then of derived models, naming them."""

    ids: pa.Table

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Alias]:
        for batch in self.ids.to_batches(max_chunksize=BATCH):
            yield from map(Alias, batch.column(0).to_pylist())


NO_BASES: Final = pa.array([], pa.string())


def plan_aliases(
    lake: Lake, snapshot_date: date, bases: pa.Array = NO_BASES, recheck_weeks: int = RECHECK_WEEKS
) -> AliasPlan:
    """Find unlisted ids that a Space or a derived model references, or that another id redirects to.

    `bases` holds the base-model id of every model that names a base. The Hub ignores case in ids, so an id that is
    listed in another case is skipped, and several spellings of an id are requested once. Strings that cannot be an id
    are skipped, as are ids requested this week, or successfully within `recheck_weeks`.
    """
    listed, spaces = (lake.files(f"raw_hub__{kind}s", snapshot_date) for kind in ("model", "space"))
    answers = [file for week in lake.weeks(TABLE) if week < snapshot_date for file in lake.files(TABLE, week)]
    answers += lake.files_so_far(TABLE, snapshot_date)
    since = snapshot_date - timedelta(weeks=recheck_weeks)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        for name, files, columns in (
            ("listed", listed, {"id": "varchar"}),
            ("spaces", spaces, {"models": "varchar[]"}),
            (
                "answers",
                answers,
                dict.fromkeys(("repo_id", "target_id", "outcome"), "varchar") | {"snapshot_date": "date"},
            ),
        ):
            connection.execute(f"create temp table {name} as {select_from(files, columns)}")
        connection.register("bases", pa.table({"repo_id": bases}))
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
    return AliasPlan(ids)


def answers(client: HubClient, alias: Alias) -> Iterator[Row]:
    """Resolve an id and yield a single row: `target_id` if it moved, `repo_key` if it exists but is not listed."""
    prefix = "/api/models/"
    row: Row = {"repo_type": "model", "repo_id": alias.repo_id}
    try:
        answer = client.get(f"{prefix}{quote(alias.repo_id)}?expand=sha", follow=False)
        target = None if answer.location is None else _target(answer.location, prefix, answer)
        body = {} if target is not None else response_log.object_in(answer)
    except HubError as error:
        yield row | response_log.of_error(error, client)
        return
    if target is not None:
        yield row | response_log.of_answer(answer, "moved") | {"target_id": target}
        return
    values = response_log.Values()
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


def land_aliases(
    client: HubClient,
    lake: Lake,
    snapshot_date: date,
    bases: pa.Array = NO_BASES,
    recheck_weeks: int = RECHECK_WEEKS,
    **options: Unpack[CollectOptions],
) -> Manifest:
    """Resolve the unlisted model ids that a week's Spaces and models reference, and add them to `enrich_hub__aliases`.

    Args:
        client: the Hub client.
        lake: holds the listings and receives the rows.
        snapshot_date: the week.
        bases: ids of base models, see `plan_aliases`.
        recheck_weeks: number of weeks after which an id is requested again.
        options: see `collection.CollectOptions`.

    Returns:
        The manifest. Its `details` hold `is_complete`, `n_left` (number of ids not requested), and those of
        `collection.land_answers`.

    Raises:
        RefreshRefused, HubError, LandingBusy: see `collection.land_answers`.
    """
    return land_answers(
        client,
        lake,
        TABLE,
        snapshot_date,
        lambda: plan_aliases(lake, snapshot_date, bases, recheck_weeks),
        lambda alias: answers(client, alias),
        lambda left: {"is_complete": not len(left), "n_left": len(left)},
        # most of these models are missing, and without a token the Hub answers 401 for a missing model
        is_suspect=lambda row: row["outcome"] == "failed" and response_log.is_suspect(row),
        rounds=HOPS,
        **options,
    )
