with

rules as (
    select max(threshold) as busy_downloads from {{ ref('trust_rules') }}
    where rule = 'busy_downloads'
),

changes as (
    select
        changes.*,
        changes.is_listed and changes.was_listed as is_kept,
        changes.is_listed and changes.was_listed and changes.previous_n_downloads >= rules.busy_downloads as is_busy
    from {{ ref('int_hub__listing_changes') }} as changes
    cross join rules
    where changes.snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    snapshot_date,
    repo_type,
    max(case when was_listed then previous_date end) as previous_date,
    date_diff(
        'second',
        min(case when was_listed then previous_observed_at end),
        min(case when is_kept then observed_at end)
    ) / 86400.0 as n_days,
    count(*) filter (where is_listed) as n_listed,
    count(*) filter (where was_listed) as n_previous,
    count(*) filter (where is_kept) as n_kept,
    count(*) filter (where is_listed and not was_listed) as n_appeared,
    count(*) filter (where was_listed and not is_listed) as n_vanished,
    count(*) filter (where is_kept and is_changed) as n_changed,
    count(*) filter (where is_kept and n_new_downloads is not null) as n_counters,
    cast(sum(case when is_kept then n_new_downloads end) as bigint) as n_new_downloads,
    count(*) filter (where is_busy and n_new_downloads is not null) as n_busy,
    count(*) filter (where is_busy and n_new_downloads = 0) as n_frozen,
    count(*) filter (where is_kept and n_new_downloads < 0) as n_fallen,
    cast(coalesce(sum(case when is_kept and n_new_downloads < 0 then -n_new_downloads end), 0) as bigint)
        as n_fallen_downloads,
    median(case when is_busy then n_downloads / previous_n_downloads end) as median_growth,
    cast(sum(case when was_listed then previous_n_likes end) as bigint) as previous_n_likes,
    cast(coalesce(sum(case when is_kept and n_new_likes < 0 then -n_new_likes end), 0) as bigint) as n_lost_likes,
    count(*) filter (where is_kept and n_new_likes < 0) as n_losing_likes
from changes
group by snapshot_date, repo_type
