"""Plans which histories to fetch in a week and in which order, and measures coverage, from the lake's files alone.

A repository is *up to date* when it needs no fetch this week. For commits, this means that the listed `sha` equals the
`sha` at the last fetch. Discussions carry no change marker, so they are up to date only if they were read this week.
Gated, disabled, missing and moved repositories count as up to date until their `sha`, `gated` or id changes, or
`recheck_weeks` have passed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from hub_assets.hub.collect.fetches import MOST_PAGES, Fetch, HistorySpec
from hub_assets.hub.collect.ids import first_of, read_id
from hub_assets.hub.collect.raw_table import BATCH, PlanRequest
from hub_assets.hub.collect.selection import PlanError, Selection
from hub_assets.hub.collect.values import FIRST_MOMENT, GREATEST_COUNT, LAST_MOMENT
from hub_assets.hub.http.window import DOCUMENTED_WINDOW
from hub_assets.lake.tombstones import PREFIX
from hub_assets.scratch import scratch
from hub_assets.sql import parquet
from hub_assets.vocabulary import RepoType

QUOTAS: Final = {
    "anonymous": 500,
    "free": 1_000,
    "PRO": 2_500,
    "Team, Academia Hub": 3_000,
    "Enterprise": 6_000,
    "Enterprise Plus": 10_000,
    "Enterprise Plus, higher limits": 100_000,
}
"""API calls per five minutes for each of the Hub's plans (source: its rate-limit documentation, September 2025)."""


def seconds_at(calls: int, quota: int, window: float = DOCUMENTED_WINDOW) -> float:
    """Return how many seconds a number of calls takes if the first call opens a window and every window is used up."""
    return math.ceil(calls / quota) * window if calls else 0.0


@dataclass(frozen=True)
class Coverage:
    """Coverage of commits or discussions for a repository type, as of a week.

    Of `n_listed` repositories, `n_selected` are selected. Of those, `n_up_to_date` need no fetch, and `n_failed` failed
    this week and will be tried again. `n_calls` estimates the calls for all selected repositories that are not up to
    date. `outcomes` counts the selected repositories by outcome.
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
        """Whether every selected repository has an outcome from this week or is still up to date."""
        return self.n_up_to_date + self.n_failed == self.n_selected


@dataclass(frozen=True)
class Plan:
    """A week's fetches in order (a row per fetch, with the columns of `Fetch`), and the current coverage.

    `not_listed` holds the selected ids that appear in no listing.
    """

    fetches: pa.Table
    coverage: tuple[Coverage, ...]
    selection: Selection
    not_listed: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Fetch]:
        for batch in self.fetches.to_batches(max_chunksize=BATCH):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Fetch(*values)

    def __len__(self) -> int:
        return len(self.fetches)

    @property
    def is_complete(self) -> bool:
        """Whether every repository type is complete."""
        return all(coverage.is_complete for coverage in self.coverage)

    def summary(self) -> dict[str, Any]:
        """Return `is_complete`, `coverage` by repository type, `selection` and `not_listed`, as JSON values."""
        return {
            "is_complete": self.is_complete,
            "coverage": [vars(coverage) for coverage in self.coverage],
            "selection": self.selection.to_json(),
            "not_listed": list(self.not_listed),
        }

    @property
    def n_calls(self) -> int:
        """Estimated number of calls for all fetches."""
        return sum(coverage.n_calls for coverage in self.coverage)


def plan_histories(request: PlanRequest, spec: HistorySpec) -> Plan:
    """Plan the fetches of a week.

    Unfinished fetches come first. Commits are then fetched in hash order, so that a crawl that is cut short has read a
    random sample; with `top`, they are fetched in order of likes. For discussions, repositories that are due by
    rotation are next, followed by those with the most expected new discussions. The expected number is a weekly rate,
    derived from the known discussions, likes and downloads, times the weeks since the last fetch, plus a term for new
    likes.

    Args:
        request: the week, the selected repositories, and the data so far.
        spec: the type of history.

    Raises:
        PlanError: if no selected type was listed in that week, or if none of the selected ids was listed.
    """
    snapshot_date, selection = request.snapshot_date, request.selection
    listed = listing_files(request)
    with scratch() as connection:
        connection.execute("create temp table answers as\n" + select_from(request.files(spec.table), _ANSWERS))
        connection.execute("create temp table listed as\n" + listed_repositories(listed))
        connection.register("wanted", wanted_ids(selection))
        connection.execute("create temp table planned as\n" + _planned(spec, snapshot_date, selection))
        fetches = connection.sql(_FETCHES).to_arrow_table()
        coverage = connection.sql(_COVERAGE).fetchall()
        not_listed = tuple(spelled for (spelled,) in connection.sql(_NOT_LISTED).fetchall())
        if selection.ids and not any(selected for _, _, selected, *_ in coverage):
            message = f"none of the {len(selection.ids)} ids was listed in the week of {snapshot_date}"
            raise PlanError(f"{message}: {first_of(not_listed)}")
        outcomes = connection.sql(_OUTCOMES).fetchall()
    outcomes_by_type: dict[str, dict[str, int]] = {}
    for repo_type, outcome, n in outcomes:
        outcomes_by_type.setdefault(repo_type, {})[outcome] = n
    return Plan(
        fetches,
        tuple(
            Coverage(repo_type, listed, selected, up_to_date, failed, calls, outcomes_by_type.get(repo_type, {}))
            for repo_type, listed, selected, up_to_date, failed, calls in coverage
        ),
        selection,
        not_listed,
    )


def listing_files(request: PlanRequest) -> dict[RepoType, list[Path]]:
    """Return the files of the week's listings of the selected types.

    Raises:
        PlanError: if none of these types was listed.
    """
    lake, snapshot_date, selection = request.lake, request.snapshot_date, request.selection
    listed = {
        repo_type: lake.files(f"raw_hub__{repo_type}s", snapshot_date)
        for repo_type in selection.repo_types
        if snapshot_date in lake.weeks(f"raw_hub__{repo_type}s")
    }
    if not listed:
        types = ", ".join(f"{repo_type}s" for repo_type in selection.repo_types)
        raise PlanError(f"there is no listing of {types} for {snapshot_date}; run hub-assets snapshot first")
    return listed


def wanted_ids(selection: Selection) -> pa.Table:
    """Return the selected ids, as spelled by the user and as looked up: one row per id and possible repository type."""
    parsed = [(spelled, *read_id(spelled)) for spelled in dict.fromkeys(selection.ids)]
    rows = [
        {"spelled": spelled, "repo_type": repo_type, "repo_id": repo_id}
        for spelled, named_type, repo_id in parsed
        for repo_type in ((named_type,) if named_type else selection.repo_types)
    ]
    columns = ("spelled", "repo_type", "repo_id")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in columns]))


def select_from(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """Return a SELECT of columns (name and DuckDB type) from Parquet files; it yields no rows if there are no files."""
    if not files:
        return "select " + ", ".join(f"null::{kind} as {name}" for name, kind in columns.items()) + " where false"
    return f"select {', '.join(columns)} from {parquet(files)}"


def listed_repositories(files: Mapping[RepoType, Sequence[Path]]) -> str:
    """Return a SELECT of the listed repositories of each type: key, id, `sha`, `gated`, counters and creation time."""
    columns = {"_id": "varchar", "id": "varchar", "sha": "varchar", "likes": "bigint", "createdAt": "timestamp"}
    of_others = {"gated": "varchar", "downloads": "bigint"}
    # listings written by an earlier version may contain impossible values
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
        f"where id is not null and not starts_with(id, '{PREFIX}')"  # request nothing about erased people
        for repo_type, paths in files.items()
    )


def _planned(spec: HistorySpec, week: date, selection: Selection) -> str:
    """Return the SELECT that computes, for each listed repository, what we know and whether it is up to date."""
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
    # without a listed sha, we cannot tell whether there are new commits; we assume none if the history was empty before
    same_sha = "(listed.sha = last.listed_sha or (coalesce(listed.sha, last.listed_sha) is null and last.n_total = 0))"
    same = (
        "listed.sha is not distinct from last.listed_sha and listed.gated is not distinct from last.listed_gated "
        "and listed.repo_id = last.repo_id"
    )
    still_holds = same_sha if spec.has_change_marker else f"last.snapshot_date = date '{week}'"
    by_likes_first = "0.0" if selection.top is None else "-coalesce(likes, 0)::double"
    order = by_likes_first if spec.has_change_marker else "-expected"
    return f"""
        with
        selected as (
            select *, {chosen} as is_selected from listed
        ),
        ended as (
            select * from answers where is_last
        ),
        -- the last fetch that ended, and the last fetch that succeeded
        last as (
            select unnest(arg_max(ended, fetch_number)) from ended group by repo_type, repo_key
        ),
        read as (
            select unnest(arg_max(ended, fetch_number)) from ended where outcome = 'ok' group by repo_type, repo_key
        ),
        begun as (
            select repo_type, repo_key, max(fetch_number) as fetch_number from answers group by repo_type, repo_key
        ),
        -- unfinished fetches of this week, at their last page
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
                    else {"'not_asked'" if spec.has_change_marker else "'ok'"}
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
                -- fixed turns spread the load evenly, even after a week that read everything
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
            {"false" if spec.has_change_marker else "is_due"} as is_first,
            {order} as rank,
            md5_number_lower(repo_key) as hash,
            case
                when is_up_to_date then 0
                when known_head is not null then 1
                else least(greatest(1, ceil(known_total / {spec.page_size})), {MOST_PAGES})
            end as n_calls
        from expecting
    """


_PER_LIKE: Final = 0.1
_PER_DOWNLOADS: Final = 0.05
"""Expected discussions per like, and per e-fold of downloads. On average, 1,000 models of the study have 1,140
likes and 280 discussions."""

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
"""The columns that the plan reads from the response tables, with their types."""
_FETCHES: Final = """
    select
        repo_type, repo_key, repo_id, sha, gated, likes, downloads, sample_share, fetch_number, known_version,
        known_head, known_total, next_path, page, open_head, n_total, n_fetched, is_full_refetch, has_failed
    from planned
    where is_selected and not is_up_to_date
    order by is_open desc, is_first desc, rank, hash, repo_type
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
