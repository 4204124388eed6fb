"""When models are first observed and when events happen to them: the input to survival estimates.

Times are days since creation. A model is observed from the first listing after its creation. A model older than the
home enters late, so its earlier history is unknown; the downloads of a younger model are known since its creation.
Estimating survival belongs in `survival`.
"""

from datetime import date
from typing import Final

import duckdb
import pyarrow as pa

THRESHOLDS: Final = (100, 1_000, 1_000_000)
"""Numbers of all-time downloads; reaching each one is an event."""
QUIET_DAYS: Final = 180
"""Days without a commit after which a model counts as no longer maintained."""
EVENTS: Final = ("gone", "gated", "no_downloads", "no_commits", *(f"reached_{n}" for n in THRESHOLDS))

_SELECT: Final = f"""
with

listings as (
    select snapshot_date, lag(snapshot_date) over (order by snapshot_date) as previous_date
    from int_hub__listing_totals
    where repo_type = 'model' and snapshot_date <= $week
),

partial_weeks as (
    select distinct snapshot_date
    from core__week_quality
    where repo_type = 'model' and rule in ('partial', 'repeat') and severity in ('warning', 'error')
),

changes as (
    select * from int_hub__listing_changes
    where repo_type = 'model' and snapshot_date <= $week and created_at is not null
),

present as (
    select
        changes.repo_key, changes.created_at, changes.observed_at, changes.n_downloads, changes.n_downloads_all_time,
        changes.last_modified_at, relations.relation
    from (
        select changes.*, repositories.last_modified_at
        from changes
        inner join int_hub__repositories as repositories
            on changes.repo_key = repositories.repo_key
            and repositories.repo_type = 'model'
            and repositories.snapshot_date = $week
        where changes.snapshot_date = $week and changes.is_listed
    ) as changes
    left join int_hub__model_relations as relations
        on changes.repo_key = relations.repo_key and relations.snapshot_date = $week
),

-- absence from a partial listing is not an event; if the model is still absent, the next complete listing shows it
vanished as (
    select repo_key, max(snapshot_date) as gone_date, arg_max(previous_date, snapshot_date) as last_date
    from changes
    where was_listed and not is_listed
    group by repo_key
),

gone as (
    select
        last.repo_key, last.created_at, last.observed_at, last.n_downloads, last.n_downloads_all_time,
        repositories.last_modified_at, relations.relation, vanished.gone_date
    from vanished
    inner join changes as last on vanished.repo_key = last.repo_key and vanished.last_date = last.snapshot_date
    left join int_hub__repositories as repositories
        on last.repo_key = repositories.repo_key
        and repositories.repo_type = 'model'
        and last.snapshot_date = repositories.snapshot_date
    left join int_hub__model_relations as relations
        on last.repo_key = relations.repo_key and last.snapshot_date = relations.snapshot_date
    left join present on vanished.repo_key = present.repo_key
    where
        present.repo_key is null
        and (vanished.gone_date < $week or $week not in (select partial_weeks.snapshot_date from partial_weeks))
),

models as (
    select *, cast(null as date) as gone_date from present
    union all
    select * from gone
),

-- a model is first observed in the first listing after its creation
entered as (
    select
        models.*,
        listings.snapshot_date as first_date,
        date_diff('second', models.created_at, cast(listings.snapshot_date as timestamp)) / 86400.0 as entry,
        date_diff('second', models.created_at, models.observed_at) / 86400.0 as last_seen
    from models
    asof join listings on cast(models.created_at as date) <= listings.snapshot_date
),

gated as (
    select repo_key, min(snapshot_date) as event_date
    from mart__repository_changes
    where repo_type = 'model' and change = 'gated' and snapshot_date <= $week
    group by repo_key
),

ever_gated as (
    select repo_key, min(snapshot_date) as first_date
    from int_hub__repositories
    where repo_type = 'model' and is_gated and snapshot_date <= $week
    group by repo_key
),

silent as (
    select repo_key, min(snapshot_date) as event_date
    from changes
    where
        is_listed
        and previous_n_downloads > 0
        and n_downloads = 0
        and observed_at >= created_at + interval '30 days'
        and snapshot_date not in (select partial_weeks.snapshot_date from partial_weeks)
    group by repo_key
),

thresholds as (
    select unnest({list(THRESHOLDS)}) as threshold
),

-- assume that the count grows evenly between two listings, and that a model that is new in a listing started at 0
steps as (
    select
        repo_key,
        created_at,
        observed_at,
        coalesce(previous_observed_at, created_at) as from_at,
        coalesce(previous_n_downloads_all_time, 0) as from_n,
        n_downloads_all_time as to_n
    from changes
    where
        is_listed
        and n_downloads_all_time is not null
        and (
            previous_n_downloads_all_time is not null
            or (
                previous_date is null
                and cast(created_at as date) >= (
                    select max(listings.snapshot_date)
                    from listings
                    where listings.snapshot_date < changes.snapshot_date
                )
            )
        )
),

reached as (
    select
        steps.repo_key,
        thresholds.threshold,
        min(
            date_diff('second', steps.created_at, steps.from_at) / 86400.0
            + date_diff('second', steps.from_at, steps.observed_at) / 86400.0
            * (thresholds.threshold - steps.from_n) / (steps.to_n - steps.from_n)
        ) as day
    from steps
    inner join thresholds on steps.from_n < thresholds.threshold and steps.to_n >= thresholds.threshold
    group by steps.repo_key, thresholds.threshold
),

-- used below to leave out models that had already reached a threshold when they were first observed
counted as (
    select
        repo_key,
        min(n_downloads_all_time) as least,
        min(case when n_downloads > 0 then observed_at end) as first_downloaded_at
    from changes
    where is_listed
    group by repo_key
),

events as (
    select
        repo_key, created_at, relation, 'gone' as event, entry,
        coalesce(date_diff('second', created_at, cast(gone_date as timestamp)) / 86400.0, last_seen) as "exit",
        gone_date is not null as is_event
    from entered
    union all
    select
        entered.repo_key, entered.created_at, entered.relation, 'gated' as event, entered.entry,
        coalesce(
            date_diff('second', entered.created_at, cast(gated.event_date as timestamp)) / 86400.0, entered.last_seen
        ) as "exit",
        gated.event_date is not null as is_event
    from entered
    left join gated on entered.repo_key = gated.repo_key
    left join ever_gated on entered.repo_key = ever_gated.repo_key
    -- leave out models that were gated from the start, or before they were first observed
    where ever_gated.first_date is null or gated.event_date is not null and gated.event_date = ever_gated.first_date
    union all
    select
        entered.repo_key, entered.created_at, entered.relation, 'no_downloads' as event,
        -- a model that has never been downloaded cannot stop being downloaded
        date_diff('second', entered.created_at, counted.first_downloaded_at) / 86400.0 as entry,
        coalesce(
            date_diff('second', entered.created_at, cast(silent.event_date as timestamp)) / 86400.0, entered.last_seen
        ) as "exit",
        silent.event_date is not null as is_event
    from entered
    inner join counted on entered.repo_key = counted.repo_key
    left join silent on entered.repo_key = silent.repo_key
    where counted.first_downloaded_at is not null
    union all
    select
        repo_key, created_at, relation, 'no_commits' as event, entry,
        least(
            last_seen, date_diff('second', created_at, last_modified_at) / 86400.0 + {QUIET_DAYS}
        ) as "exit",
        observed_at >= last_modified_at + interval '{QUIET_DAYS} days' as is_event
    from entered
    where last_modified_at >= created_at
    union all
    select
        entered.repo_key, entered.created_at, entered.relation, 'reached_' || thresholds.threshold as event,
        case
            when entered.first_date > (select min(listings.snapshot_date) from listings) then 0.0
            else entered.entry
        end as entry,
        coalesce(reached.day, entered.last_seen) as "exit",
        reached.day is not null as is_event
    from entered
    inner join counted on entered.repo_key = counted.repo_key
    cross join thresholds
    left join reached on entered.repo_key = reached.repo_key and thresholds.threshold = reached.threshold
    where
        reached.day is not null
        or (counted.least < thresholds.threshold and entered.n_downloads_all_time < thresholds.threshold)
)

select
    event,
    coalesce(relation, 'unspecified') as relation,
    cast(extract('year' from created_at) as varchar) as cohort,
    -- a model can seem to be listed before its creation, because clocks differ and a recorded Hub may store only days
    greatest(entry, 0.0) as entry,
    greatest("exit", 0.0) as "exit",
    coalesce(is_event, false) as is_event
from events
where entry is not null and "exit" is not null
"""


def durations(connection: duckdb.DuckDBPyConnection, week: date) -> pa.Table:
    """Return the period in which each model was observed for each event, as known in a given week.

    Args:
        connection: a database with `int_hub__listing_changes`, `int_hub__listing_totals`, `int_hub__repositories`,
            `int_hub__model_relations`, `mart__repository_changes` and `core__week_quality` up to the week.
        week: the Monday of the week.

    Returns:
        One row per model and event of `EVENTS` that can be observed for it: `event`; the model's `relation` and
        `cohort` (creation year); and `entry`, `exit` (days since creation) and `is_event`, the input of `survival`.
    """
    return connection.sql(_SELECT, params={"week": week}).to_arrow_table()
