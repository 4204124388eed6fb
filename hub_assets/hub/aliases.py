"""Where the model ids lead that spaces name and no listing has: renamed models, other spellings, models that are gone.

Each is asked once, without following redirects; where it leads is then found in the listing, or asked in turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Unpack
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa

from hub_assets.hub import ledger
from hub_assets.hub.client import Answer, HubClient
from hub_assets.hub.collection import Terms, land_answers
from hub_assets.hub.errors import HubError, HubUnusable
from hub_assets.hub.ledger import Row
from hub_assets.hub.plan import BATCH, RECHECK_WEEKS, select_from
from hub_assets.lake.parts import Lake, Manifest

TABLE: Final = "raw_hub__aliases"
_ANSWERS: Final = {"snapshot_date": "date", "repo_id": "varchar", "target_id": "varchar", "outcome": "varchar"}
HOPS: Final = 3
"""How far an id may lead on."""


@dataclass(frozen=True)
class Alias:
    """An id to ask for."""

    repo_id: str
    kind: str = "model"
    has_failed: bool = False


@dataclass(frozen=True)
class AliasPlan:
    """The ids to ask for, those that most spaces name first (a column `repo_id`)."""

    ids: pa.Table

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Alias]:
        for batch in self.ids.to_batches(max_chunksize=BATCH):
            yield from map(Alias, batch.column(0).to_pylist())


def plan_aliases(lake: Lake, snapshot_date: date, recheck_weeks: int = RECHECK_WEEKS) -> AliasPlan:
    """Find the ids that are named by a space, or led to by another id, and that neither are listed nor were asked.

    What cannot be an id is left out, and so is what was asked this week, or within `recheck_weeks` and not in vain.
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
        ids = connection.sql(f"""
            with
            named as (
                select unnest(list_distinct(models)) as repo_id from spaces
                union all
                select target_id from answers where outcome = 'moved'
            ),
            asked as (
                select repo_id from answers
                where snapshot_date = date '{snapshot_date}'
                    or (snapshot_date > date '{since}' and outcome <> 'failed')
            )
            select repo_id from named
            where regexp_full_match(repo_id, '\\w[\\w.-]{{0,95}}(/\\w[\\w.-]{{0,95}})?')
                and repo_id not in (select id from listed where id is not null)
                and repo_id not in (select repo_id from asked)
                and not (select coalesce(bool_and(outcome = 'not_asked'), false) from answers)
            group by repo_id
            order by count(*) desc, repo_id
        """).to_arrow_table()
    return AliasPlan(ids)


def answers(client: HubClient, alias: Alias) -> Iterator[Row]:
    """Ask where an id leads and yield one row: `target_id` where it moved, `repo_key` of what is not listed."""
    prefix = "/api/models/"
    row: Row = {"repo_type": "model", "repo_id": alias.repo_id}
    try:
        answer = client.get(f"{prefix}{quote(alias.repo_id)}?expand=sha", follow=False)
        target = None if answer.location is None else _target(answer.location, prefix, answer)
        body = {} if target is not None else ledger.object_in(answer)
    except HubError as error:
        yield row | ledger.of_error(error, client)
        return
    if target is not None:
        yield row | ledger.of_answer(answer, "moved") | {"target_id": target}
        return
    values = ledger.Values()
    found = {"repo_key": values.text(body.get("_id")), "target_id": values.text(body.get("id"))}
    yield row | ledger.of_answer(answer) | found


def _target(location: str, prefix: str, answer: Answer) -> str:
    """Return the id that a redirect leads to.

    Raises:
        HubUnusable: if that is no model's.
    """
    place = unquote(location.partition("?")[0])
    if not place.startswith(prefix):
        raise HubUnusable(f"the redirect leads to {place}", url=answer.path, status=answer.status)
    return place.removeprefix(prefix)


def land_aliases(
    client: HubClient,
    lake: Lake,
    snapshot_date: date,
    recheck_weeks: int = RECHECK_WEEKS,
    **terms: Unpack[Terms],
) -> Manifest:
    """Ask for the ids that spaces of a week name and no listing has, and add the answers to `raw_hub__aliases`.

    Args:
        client: whom to ask.
        lake: where the listings are, and where to write.
        snapshot_date: the week.
        recheck_weeks: after so many weeks an id is asked again.
        terms: see `collection.Terms`.

    Returns:
        The manifest. Its `details`: `is_complete`, `n_left` (ids that were not asked), and what
        `collection.land_answers` says.

    Raises:
        RefreshRefused, HubError, LandingBusy: as `collection.land_answers`.
    """
    return land_answers(
        client,
        lake,
        TABLE,
        snapshot_date,
        lambda: plan_aliases(lake, snapshot_date, recheck_weeks),
        lambda alias: answers(client, alias),
        lambda left: {"is_complete": not len(left), "n_left": len(left)},
        # a missing model is answered 401 to who has no token, and most of these are missing
        is_suspect=lambda row: row["outcome"] == "failed" and ledger.is_suspect(row),
        rounds=HOPS,
        **terms,
    )
