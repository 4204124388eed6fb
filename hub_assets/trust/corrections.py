"""Corrected downloads: a ledger that moves downloads from the week that reported them to the weeks they belong to.

Each entry has an amount and the week (`flow_date`) to which it is added. The amounts of a repository's entries add up
to zero in every snapshot week, so corrections never change a total over all weeks. Two faults are corrected:

- A stall or partial listing. A repository whose counter stalled, or that was left out of the listing, has no downloads
  in the suspect weeks and all of them in the first trusted week. These downloads are spread evenly over the time
  between the last trusted listing before the fault and the first one after it.
- A rollback. The Hub withdrew downloads that it had counted before. They are subtracted from the latest weeks that have
  downloads; any remainder stays as negative downloads in the week of the rollback.

Entries are computed once the trusted listing arrives and are never edited: a later correction adds further entries,
which take the earlier ones into account.
"""

from datetime import date
from typing import Final

import duckdb
import pyarrow as pa

from hub_assets.trust.schemas import FLOW_CORRECTIONS

_SELECT: Final = """
with

rules as (
    select max(threshold) as longest_stall from trust_rules where rule = 'longest_stall'
),

-- weeks in which counters stood still or repositories were left out
suspect_weeks as (
    select repo_type, snapshot_date
    from core__week_quality
    where
        snapshot_date <= $week
        and severity in ('warning', 'error')
        and rule in ('stall', 'frozen', 'repeat', 'partial')
    group by repo_type, snapshot_date
),

listings as (
    select
        totals.repo_type,
        totals.snapshot_date,
        cast(round(totals.n_days * 86400) as bigint) as n_seconds,
        suspect_weeks.snapshot_date is not null as is_suspect,
        row_number() over (partition by totals.repo_type order by totals.snapshot_date desc) as place
    from int_hub__listing_totals as totals
    left join suspect_weeks
        on totals.repo_type = suspect_weeks.repo_type and totals.snapshot_date = suspect_weeks.snapshot_date
    where totals.snapshot_date <= $week and totals.n_days > 0
),

-- a backlog in the current listing (place 1) belongs to the suspect listings right before it
trusted as (
    select listings.repo_type, min(listings.place) as place
    from listings
    where listings.place > 1 and not listings.is_suspect
    group by listings.repo_type
),

stalls as (
    select listings.repo_type, listings.snapshot_date, listings.n_seconds, listings.place
    from listings
    cross join rules
    inner join listings as present on listings.repo_type = present.repo_type and present.place = 1
    left join trusted on listings.repo_type = trusted.repo_type
    where
        present.snapshot_date = $week
        and not present.is_suspect
        and trusted.place > 2
        and trusted.place <= rules.longest_stall + 2
        and listings.place < trusted.place
),

window_listings as (
    select listings.repo_type, listings.snapshot_date, listings.n_seconds, listings.place
    from listings
    cross join rules
    where listings.place <= rules.longest_stall + 1
),

-- repositories whose all-time count fell, and repositories that have new downloads after a stall of their type
fallen as (
    select repo_type, repo_key
    from int_hub__listing_changes
    where snapshot_date = $week and is_listed and n_new_downloads < 0
),

back as (
    select changes.repo_type, changes.repo_key
    from int_hub__listing_changes as changes
    where
        changes.snapshot_date = $week
        and changes.is_listed
        and changes.n_new_downloads > 0
        and changes.repo_type in (select stalls.repo_type from stalls)
),

concerned as (
    select repo_type, repo_key, true as has_fallen from fallen
    union all
    select repo_type, repo_key, false as has_fallen from back
),

moved as (
    select repo_type, repo_key, flow_date, sum(amount) as amount
    from core__flow_corrections
    where snapshot_date < $week and snapshot_date >= $week - interval '126 days'
    group by repo_type, repo_key, flow_date
),

-- downloads by listing of the repositories to correct, including earlier corrections
flows as (
    select
        concerned.repo_type,
        concerned.repo_key,
        concerned.has_fallen,
        window_listings.snapshot_date as flow_date,
        window_listings.n_seconds,
        window_listings.place,
        changes.n_new_downloads as n_raw,
        coalesce(changes.n_new_downloads, 0) + coalesce(moved.amount, 0) as n_flow
    from concerned
    inner join window_listings on concerned.repo_type = window_listings.repo_type
    left join int_hub__listing_changes as changes
        on
            concerned.repo_type = changes.repo_type
            and concerned.repo_key = changes.repo_key
            and window_listings.snapshot_date = changes.snapshot_date
            and changes.is_listed
    left join moved
        on
            concerned.repo_type = moved.repo_type
            and concerned.repo_key = moved.repo_key
            and window_listings.snapshot_date = moved.flow_date
),

-- spread the downloads that arrived after a stall evenly over the days since the last trusted listing
standing as (
    select
        flows.repo_type,
        flows.repo_key,
        flows.flow_date,
        flows.n_flow,
        sum(flows.n_flow) over (partition by flows.repo_type, flows.repo_key) as n_total,
        sum(flows.n_seconds) over (
            partition by flows.repo_type, flows.repo_key order by flows.flow_date
        ) as n_seconds_so_far,
        sum(flows.n_seconds) over (partition by flows.repo_type, flows.repo_key) as n_seconds_total,
        count(case when stalls.place > 1 and coalesce(flows.n_raw, 0) = 0 then 1 end) over (
            partition by flows.repo_type, flows.repo_key
        ) as n_missing,
        flows.n_seconds
    from flows
    inner join stalls on flows.repo_type = stalls.repo_type and flows.flow_date = stalls.snapshot_date
    where not flows.has_fallen
),

spread as (
    select
        repo_type,
        repo_key,
        flow_date,
        'backlog' as rule,
        cast(
            n_total * n_seconds_so_far // n_seconds_total
            - n_total * (n_seconds_so_far - n_seconds) // n_seconds_total
            - n_flow as bigint
        ) as amount
    from standing
    where n_missing > 0 and n_total > 0
),

-- subtract the fall from the latest weeks that had downloads; any remainder stays negative
takeable as (
    select
        repo_type,
        repo_key,
        flow_date,
        place,
        greatest(n_flow, 0) as n_available,
        -min(case when place = 1 then n_flow end) over (partition by repo_type, repo_key) as n_fallen,
        coalesce(
            sum(case when place > 1 then greatest(n_flow, 0) else 0 end) over (
                partition by repo_type, repo_key order by place rows between unbounded preceding and 1 preceding
            ),
            0
        ) as n_taken_before
    from flows
    where has_fallen
),

taken as (
    select
        repo_type,
        repo_key,
        flow_date,
        cast(greatest(least(n_available, n_fallen - n_taken_before), 0) as bigint) as n_taken
    from takeable
    where place > 1
),

rollbacks as (
    select repo_type, repo_key, flow_date, 'rollback' as rule, -n_taken as amount
    from taken
    union all
    select repo_type, repo_key, $week as flow_date, 'rollback' as rule, cast(sum(n_taken) as bigint) as amount
    from taken
    group by repo_type, repo_key
)

select $week as snapshot_date, repo_type, repo_key, flow_date, rule, amount
from spread
where amount <> 0
union all
select $week as snapshot_date, repo_type, repo_key, flow_date, rule, amount
from rollbacks
where amount <> 0
"""


def flow_corrections(connection: duckdb.DuckDBPyConnection, week: date) -> pa.Table:
    """Compute the entries that follow from this week's listings.

    Args:
        connection: a database with `int_hub__listing_changes` for this week and the eight listings before it,
            `int_hub__listing_totals` and `core__week_quality` for one more listing before those, `trust_rules`, and
            earlier weeks of `core__flow_corrections`.
        week: the Monday of the week.

    Returns:
        One row per repository, `flow_date` and rule, with the columns of `schemas.FLOW_CORRECTIONS`.
    """
    rows = connection.sql(_SELECT, params={"week": week}).to_arrow_table()
    return rows.cast(FLOW_CORRECTIONS)
