"""Which histories are asked for in a week, in which order, and how far that is: derived from the lake's files alone.

A repository is *settled* when nothing needs to be asked of it this week. Commits are settled where the listed `sha` is
that of the last history_version; discussions, which have no such mark, where they were read this week. Gated, disabled, missing
and moved repositories are settled until their `sha` or `gated` changes or some weeks have passed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from hub_assets.errors import UserError
from hub_assets.hub.collect.fetches import MOST_PAGES, Fetch
from hub_assets.hub.http.window import DOCUMENTED_WINDOW
from hub_assets.hub.sources import commits, discussions
from hub_assets.hub.sources.ids import first_of, read_id
from hub_assets.hub.sources.schemas import FIRST_MOMENT, GREATEST_COUNT, LAST_MOMENT, REPO_TYPES, RepoType
from hub_assets.lake.parts import Lake
from hub_assets.sql import parquet

HistoryKind = Literal["commits", "discussions"]
HISTORY_KINDS: Final[tuple[HistoryKind, ...]] = ("commits", "discussions")
PAGE_SIZES: Final[dict[HistoryKind, int]] = {"commits": commits.PAGE_SIZE, "discussions": discussions.PAGE_SIZE}
ROTATION_WEEKS: Final = 8
RECHECK_WEEKS: Final = 12
BATCH: Final = 1_000
QUOTAS: Final = {
    "anonymous": 500,
    "free": 1_000,
    "PRO": 2_500,
    "Team, Academia Hub": 3_000,
    "Enterprise": 6_000,
    "Enterprise Plus": 10_000,
    "Enterprise Plus, higher limits": 100_000,
}
"""API calls in five minutes by the Hub's plans (its documentation of rate limits, September 2025)."""


def seconds_at(calls: int, quota: int, window: float = DOCUMENTED_WINDOW) -> float:
    """Return how long calls take at a quota, begun at the start of a window and spending each one fully."""
    return math.ceil(calls / quota) * window if calls else 0.0


class PlanError(UserError):
    """What is to be planned does not fit together, or cannot be; the message is one sentence for the user."""


@dataclass(frozen=True)
class Selection:
    """Which of the listed repositories are fetched: all, or those that one of `top`, `sample` and `ids` takes.

    Args:
        repo_types: of which types.
        top: so many of each type, the most liked ones.
        sample: this share of each type, by a hash of the key: the same repositories every week, and a larger share
            holds a smaller one. Totals are then estimated with the weight 1 / share.
        ids: these, as people write them (see `ids.read_id`).
        rotation_weeks: discussions of each repository are read at least once in so many weeks, if the budget allows
            for an equal part of them every week.
        recheck_weeks: after so many weeks what could not be read is asked for again.

    Raises:
        PlanError: if more than one of `top`, `sample` and `ids` is given, or one is out of range.
    """

    repo_types: tuple[RepoType, ...] = REPO_TYPES
    top: int | None = None
    sample: float | None = None
    ids: tuple[str, ...] = ()
    rotation_weeks: int = ROTATION_WEEKS
    recheck_weeks: int = RECHECK_WEEKS

    def __post_init__(self) -> None:
        if (self.top is not None) + (self.sample is not None) + bool(self.ids) > 1:
            raise PlanError("choose repositories by one of top, sample and ids, not by several")
        if self.sample is not None and not 0 < self.sample <= 1:
            raise PlanError(f"a sample of {self.sample} cannot be taken; a share is more than 0 and at most 1")
        if self.top is not None and self.top < 1:
            raise PlanError("the top must be at least 1")
        strangers = set(self.repo_types) - set(REPO_TYPES)
        if strangers:
            raise PlanError(
                f"{', '.join(sorted(strangers))} is no type of repository; they are {', '.join(REPO_TYPES)}"
            )

    @property
    def sample_share(self) -> float | None:
        """The chance that a repository is fetched; None where repositories are chosen for what they are."""
        return None if self.top is not None or self.ids else self.sample or 1.0

    def to_json(self) -> dict[str, Any]:
        """Return what is to be known of it; a list of ids by its length."""
        return {**vars(self), "ids": len(self.ids)}


EVERYTHING: Final = Selection()


@dataclass(frozen=True)
class Coverage:
    """How far a kind of history is known for one type of repository, as of a week.

    `n_listed` repositories there are, `n_selected` of them are to be fetched, `n_up_to_date` of those need no asking, and
    `n_failed` were asked this week in vain and will be asked again; `n_calls` is what all that are not settled are
    expected to take. `outcomes` counts how asking the selected ones ended.
    """

    repo_type: str
    n_listed: int
    n_selected: int
    n_up_to_date: int
    n_failed: int
    n_calls: int
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every selected repository has an outcome of this week, or one that still holds."""
        return self.n_up_to_date + self.n_failed == self.n_selected


@dataclass(frozen=True)
class Plan:
    """The fetches of a week in their order (one row each, columns as `Fetch`), and the coverage that there is now.

    `not_listed` are the ids chosen that no listing has.
    """

    fetches: pa.Table
    coverage: tuple[Coverage, ...]
    not_listed: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Fetch]:
        for batch in self.fetches.to_batches(max_chunksize=BATCH):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Fetch(*values)

    def __len__(self) -> int:
        return len(self.fetches)

    @property
    def is_complete(self) -> bool:
        """Whether all coverage is."""
        return all(one.is_complete for one in self.coverage)

    @property
    def n_calls(self) -> int:
        """Calls that all fetches are expected to take."""
        return sum(one.n_calls for one in self.coverage)


def plan_histories(lake: Lake, kind: HistoryKind, snapshot_date: date, selection: Selection = EVERYTHING) -> Plan:
    """Plan the fetches of a week.

    Commits come in the order of a hash, so that a crawl that is cut short has read a random sample of what there was
    to read; the most liked first where the top was chosen. Of discussions those come first whose turn it is by
    rotation, then those of which the most new ones are expected: at the rate at which the known ones came, or, where
    fewer are known, at one that likes and downloads suggest, since they were last looked at.

    Args:
        lake: what is known; a landing in the making counts as far as its parts go.
        kind: commits or discussions.
        snapshot_date: the week.
        selection: which repositories.

    Raises:
        PlanError: if nothing was listed that week, or none of the ids.
    """
    table = f"raw_hub__{kind}"
    listed = {
        repo_type: lake.files(f"raw_hub__{repo_type}s", snapshot_date)
        for repo_type in selection.repo_types
        if snapshot_date in lake.weeks(f"raw_hub__{repo_type}s")
    }
    if not listed:
        types = ", ".join(f"{repo_type}s" for repo_type in selection.repo_types)
        raise PlanError(f"no {types} were listed in the week of {snapshot_date}; list them first (hub-assets snapshot)")
    answers = [file for week in lake.weeks(table) if week < snapshot_date for file in lake.files(table, week)]
    answers += lake.files_so_far(table, snapshot_date)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create temp table answers as\n" + select_from(answers, _ANSWERS))
        connection.execute("create temp table listed as\n" + _listed(listed))
        connection.register("wanted", _wanted(selection))
        connection.execute("create temp table planned as\n" + _planned(kind, snapshot_date, selection))
        fetches = connection.sql(_FETCHES).to_arrow_table()
        coverage = connection.sql(_COVERAGE).fetchall()
        not_listed = tuple(spelled for (spelled,) in connection.sql(_NOT_LISTED).fetchall())
        if selection.ids and not any(selected for _, _, selected, *_ in coverage):
            none = f"none of the {len(selection.ids)} ids was listed in the week of {snapshot_date}"
            raise PlanError(f"{none}: {first_of(not_listed)}")
        outcomes = connection.sql(_OUTCOMES).fetchall()
    ended: dict[str, dict[str, int]] = {}
    for repo_type, outcome, n in outcomes:
        ended.setdefault(repo_type, {})[outcome] = n
    return Plan(
        fetches,
        tuple(
            Coverage(repo_type, listed, selected, settled, failed, calls, ended.get(repo_type, {}))
            for repo_type, listed, selected, settled, failed, calls in coverage
        ),
        not_listed,
    )


def _wanted(selection: Selection) -> pa.Table:
    """Return the ids that were chosen, as they were spelled and as they are looked up, for each type they may be of."""
    read = [(spelled, *read_id(spelled)) for spelled in dict.fromkeys(selection.ids)]
    rows = [
        {"spelled": spelled, "repo_type": repo_type, "repo_id": repo_id}
        for spelled, named_type, repo_id in read
        for repo_type in ((named_type,) if named_type else selection.repo_types)
    ]
    columns = ("spelled", "repo_type", "repo_id")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in columns]))


def select_from(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """Return a SELECT of some columns (name and DuckDB type) of Parquet files; of no rows where there are no files."""
    if not files:
        return "select " + ", ".join(f"null::{kind} as {name}" for name, kind in columns.items()) + " where false"
    return f"select {', '.join(columns)} from {parquet(files)}"


def _listed(files: Mapping[RepoType, Sequence[Path]]) -> str:
    columns = {"_id": "varchar", "id": "varchar", "sha": "varchar", "likes": "bigint", "createdAt": "timestamp"}
    of_others = {"gated": "varchar", "downloads": "bigint"}
    # listings of an earlier version hold values that cannot be
    possible = {
        name: f"case when {name} between 0 and {GREATEST_COUNT} then {name} end as {name}"
        for name in ("likes", "downloads")
    }
    moment = f"case when createdAt between '{FIRST_MOMENT}' and '{LAST_MOMENT}' then createdAt end as created_at"
    downloaded = {
        repo_type: "null as gated, null as downloads" if repo_type == "space" else f"gated, {possible['downloads']}"
        for repo_type in files
    }
    return "\nunion all by name\n".join(
        f"select '{repo_type}' as repo_type, _id as repo_key, id as repo_id, sha, {possible['likes']}, {moment}, "
        f"{downloaded[repo_type]} "
        f"from ({select_from(paths, columns if repo_type == 'space' else columns | of_others)})"
        "where id is not null"
        for repo_type, paths in files.items()
    )


def _planned(kind: HistoryKind, week: date, selection: Selection) -> str:
    """Return the SELECT of all selected repositories: what is known of each, and whether it is settled."""
    chosen = "true"
    if selection.top is not None:
        by_likes = "row_number() over (partition by repo_type order by likes desc nulls last, repo_key)"
        chosen = f"{by_likes} <= {selection.top}"
    elif selection.ids:
        chosen = "(repo_type, lower(repo_id)) in (select repo_type, repo_id from wanted)"
    elif selection.sample is not None:
        chosen = f"md5_number_lower(repo_key) < {round(selection.sample * 2**64)}::uhugeint"
    share = "null" if selection.sample_share is None else repr(selection.sample_share)
    since = week - timedelta(weeks=selection.recheck_weeks)
    rotation, turn = selection.rotation_weeks, (week.toordinal() // 7) % selection.rotation_weeks
    # where the listing does not give a head, nobody knows whether there are commits, but where there were none
    same_sha = "(listed.sha = last.listed_sha or (coalesce(listed.sha, last.listed_sha) is null and last.n_total = 0))"
    same = (
        "listed.sha is not distinct from last.listed_sha and listed.gated is not distinct from last.listed_gated "
        "and listed.repo_id = last.repo_id"
    )
    still_holds = same_sha if kind == "commits" else f"last.snapshot_date = date '{week}'"
    order = {
        "commits": "0.0" if selection.top is None else "-coalesce(likes, 0)::double",
        "discussions": "-expected",
    }[kind]
    return f"""
        with
        selected as (
            select *, {chosen} as is_selected from listed
        ),
        ended as (
            select * from answers where is_last
        ),
        -- the fetch that ended last, and the one that read something last
        last as (
            select unnest(arg_max(ended, fetch_number)) from ended group by repo_type, repo_key
        ),
        read as (
            select unnest(arg_max(ended, fetch_number)) from ended where outcome = 'ok' group by repo_type, repo_key
        ),
        begun as (
            select repo_type, repo_key, max(fetch_number) as fetch_number from answers group by repo_type, repo_key
        ),
        -- fetches of this week that have begun and not ended, at their last page
        open as (
            select unnest(arg_max(answers, struct_pack(v := fetch_number, p := page))) from answers
            where snapshot_date = date '{week}'
            group by repo_type, repo_key
            having not arg_max(is_last, struct_pack(v := fetch_number, p := page))
        ),
        not_held as (
            select repo_type from ended
            group by repo_type
            having bool_or(outcome = 'not_asked') and not bool_or(outcome = 'ok')
        ),
        known as (
            select
                listed.repo_type, listed.repo_key, listed.repo_id, listed.sha, listed.gated, listed.likes,
                listed.downloads, listed.is_selected,
                {share}::double as sample_share,
                coalesce(open.fetch_number, begun.fetch_number + 1, 1) as fetch_number,
                coalesce(read.history_version, 0) as known_version,
                read.head as known_head,
                coalesce(read.n_total, 0) as known_total,
                open.next_path,
                coalesce(open.page + 1, 0) as page,
                open.head as open_head,
                coalesce(open.n_total, 0) as n_total,
                coalesce(open.n_fetched, 0) as n_fetched,
                coalesce(open.history_version > coalesce(read.history_version, 0), false) as is_full_refetch,
                case
                    when last.outcome is null then 'not_asked'
                    when last.outcome <> 'ok' then last.outcome
                    when last.snapshot_date = date '{week}' then 'ok'
                    when {still_holds} then 'not_modified'
                    else {"'not_asked'" if kind == "commits" else "'ok'"}
                end as outcome,
                open.fetch_number is null and coalesce(
                    case
                        when last.outcome = 'ok' then {still_holds}
                        when last.outcome in ('failed', 'not_asked') then false
                        else {same} and last.snapshot_date > date '{since}'
                    end, false
                ) or listed.repo_type in (select repo_type from not_held) as is_up_to_date,
                coalesce(last.outcome = 'failed', false) as has_failed,
                has_failed and last.snapshot_date = date '{week}' as has_failed_now,
                -- by turn, so that as many come every week, also after a week that read all
                md5_number_lower(listed.repo_key) % {rotation} = {turn}
                or coalesce(last.snapshot_date <= date '{week}' - {7 * rotation}, false) as is_due,
                coalesce(
                    date_diff('day', last.snapshot_date, date '{week}'),
                    greatest(date_diff('day', listed.created_at, date '{week}'), 0)
                ) / 7.0 + 1 as weeks_unseen,
                greatest(date_diff('day', listed.created_at, date '{week}'), 0) / 7.0 + 1 as age_weeks,
                greatest(listed.likes - coalesce(last.listed_likes::double, 0), 0) as new_likes
            from selected as listed
            left join begun using (repo_type, repo_key)
            left join last using (repo_type, repo_key)
            left join read using (repo_type, repo_key)
            left join open using (repo_type, repo_key)
        ),
        expecting as (
            select *,
                weeks_unseen * (
                    known_total + {_PER_LIKE} * coalesce(likes, 0) + {_PER_DOWNLOADS} * ln(1.0 + coalesce(downloads, 0))
                ) / age_weeks + {_PER_LIKE} * coalesce(new_likes, 0) as expected
            from known
        )
        select *,
            page > 0 as is_open,
            {"false" if kind == "commits" else "is_due"} as is_first,
            {order} as place,
            md5_number_lower(repo_key) as hash,
            case
                when is_up_to_date then 0
                when known_head is not null then 1
                else least(greatest(1, ceil(known_total / {PAGE_SIZES[kind]})), {MOST_PAGES})
            end as n_calls
        from expecting
    """


_PER_LIKE: Final = 0.1
_PER_DOWNLOADS: Final = 0.05
"""Discussions that a like, and each e-fold of downloads, stand for; the study's 1,000 models have 1,140 likes and 280
discussions."""

_ANSWERS: Final = {
    "snapshot_date": "date",
    "repo_type": "varchar",
    "repo_key": "varchar",
    "repo_id": "varchar",
    "outcome": "varchar",
    "status": "bigint",
    "listed_sha": "varchar",
    "listed_gated": "varchar",
    "listed_likes": "bigint",
    "fetch_number": "bigint",
    "page": "bigint",
    "is_last": "boolean",
    "next_path": "varchar",
    "history_version": "bigint",
    "head": "varchar",
    "n_total": "bigint",
    "n_fetched": "bigint",
}
"""What the plan needs to know of each answer."""
_FETCHES: Final = """
    select
        repo_type, repo_key, repo_id, sha, gated, likes, downloads, sample_share, fetch_number, known_version, known_head,
        known_total, next_path, page, open_head, n_total, n_fetched, is_full_refetch, has_failed
    from planned
    where is_selected and not is_up_to_date
    order by is_open desc, is_first desc, place, hash, repo_type
"""
_COVERAGE: Final = """
    select
        repo_type, count(*), count(*) filter (is_selected), count(*) filter (is_selected and is_up_to_date),
        count(*) filter (is_selected and not is_up_to_date and has_failed_now),
        coalesce(sum(n_calls) filter (is_selected), 0)::bigint
    from planned
    group by repo_type
    order by repo_type
"""
_NOT_LISTED: Final = """
    select spelled
    from wanted
    group by spelled
    having not bool_or((repo_type, repo_id) in (select repo_type, lower(repo_id) from listed))
    order by spelled
"""
_OUTCOMES: Final = """
    select repo_type, outcome, count(*) from planned where is_selected group by all order by all
"""
