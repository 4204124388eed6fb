-- downloads of a repository since the previous listing, with backlogs and rollbacks moved to the weeks they belong to
with

changes as (
    select * from {{ ref('int_hub__listing_changes') }}
    where
        snapshot_date <= date '{{ var('snapshot_date') }}'
        and snapshot_date > date '{{ var('snapshot_date') }}' - interval '126 days'
        and repo_type <> 'space'
        and is_listed
),

present as (
    select * from changes
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

previous_dates as (
    select repo_type, max(snapshot_date) as previous_date
    from changes
    where snapshot_date < date '{{ var('snapshot_date') }}'
    group by repo_type
),

previous as (
    select changes.*
    from changes
    inner join previous_dates
        on changes.repo_type = previous_dates.repo_type and changes.snapshot_date = previous_dates.previous_date
),

corrections as (
    select repo_type, repo_key, flow_date, cast(sum(amount) as bigint) as n_moved
    from {{ source('core', 'flow_corrections') }}
    where
        snapshot_date <= date '{{ var('snapshot_date') }}'
        and flow_date > date '{{ var('snapshot_date') }}' - interval '126 days'
    group by repo_type, repo_key, flow_date
),

-- a repository that was created after the previous listing received all its downloads since that listing
joined as (
    select
        present.snapshot_date,
        present.repo_type,
        present.repo_key,
        previous_dates.previous_date,
        present.n_downloads,
        case when present.was_listed then present.previous_n_downloads end as n_downloads_earlier,
        case
            when present.was_listed and previous.was_listed then previous.previous_n_downloads
        end as n_downloads_oldest,
        case
            when present.n_new_downloads is not null
                then present.n_new_downloads + coalesce(moved.n_moved, 0)
            when present.previous_date is null and cast(present.created_at as date) >= previous_dates.previous_date
                then present.n_downloads_all_time
        end as n_new_downloads,
        previous.n_new_downloads + coalesce(moved_before.n_moved, 0) as n_new_before,
        date_diff(
            'second',
            coalesce(
                present.previous_observed_at,
                case when cast(present.created_at as date) >= previous_dates.previous_date then present.created_at end
            ),
            present.observed_at
        ) / 86400.0 as n_days,
        date_diff('second', previous.previous_observed_at, previous.observed_at) / 86400.0 as n_days_before
    from present
    left join previous_dates on present.repo_type = previous_dates.repo_type
    left join previous on present.repo_type = previous.repo_type and present.repo_key = previous.repo_key
    left join corrections as moved
        on present.repo_type = moved.repo_type
        and present.repo_key = moved.repo_key
        and present.snapshot_date = moved.flow_date
    left join corrections as moved_before
        on previous.repo_type = moved_before.repo_type
        and previous.repo_key = moved_before.repo_key
        and previous.snapshot_date = moved_before.flow_date
)

select
    snapshot_date,
    repo_type,
    repo_key,
    previous_date,
    n_days,
    n_downloads,
    n_downloads_earlier,
    case when n_days > 0 and abs(n_days - n_days_before) <= 1 then n_downloads_oldest end as n_downloads_before_earlier,
    case when n_days > 0 then greatest(1 - n_days / 30.0, 0.0) end as n_downloads_overlap,
    n_new_downloads,
    case when n_days > 0 and n_days_before > 0 then n_new_before * n_days / n_days_before end as n_new_downloads_earlier
from joined
