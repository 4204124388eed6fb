with

rules as (
    select
        max(case when rule = 'same_count' then threshold end) as same_count,
        max(case when rule = 'least_same_count' then threshold end) as least_same_count,
        max(case when rule = 'fallen_downloads' then threshold end) as fallen_downloads,
        max(case when rule = 'lost_likes' then threshold end) as lost_likes,
        max(case when rule = 'vanished_downloads' then threshold end) as vanished_downloads,
        max(case when rule = 'vanished_likes' then threshold end) as vanished_likes,
        max(case when rule = 'spike_downloads' then threshold end) as spike_downloads,
        max(case when rule = 'spike_share' then threshold end) as spike_share,
        max(case when rule = 'spike_listings' then threshold end) as spike_listings
    from {{ ref('trust_rules') }}
),

changes as (
    select
        *,
        case when repo_id like '%/%' then lower(split_part(repo_id, '/', 1)) end as namespace
    from {{ ref('int_hub__listing_changes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- an incomplete or stalled listing is no evidence about individual repositories
suspect as (
    select
        repo_type,
        bool_or(rule in ('partial', 'repeat')) as is_partial,
        bool_or(rule in ('stall', 'frozen', 'backlog', 'rollback', 'repeat')) as has_suspect_counters
    from {{ source('core', 'week_quality') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and severity in ('warning', 'error')
    group by repo_type
),

renamed as (
    select
        repo_type,
        repo_key,
        repo_id,
        'renamed' as rule,
        'info' as severity,
        previous_repo_id as related_repo_id,
        n_downloads_all_time as value,
        'the same key had another id' as evidence
    from changes
    where is_listed and repo_id <> previous_repo_id
),

vanished as (
    select changes.*
    from changes
    left join suspect on changes.repo_type = suspect.repo_type
    where changes.was_listed and not changes.is_listed and not coalesce(suspect.is_partial, false)
),

-- a repository that reappears under another key keeps its count only if the Hub moved it. Within a week, its all-time
-- count grows by about a quarter of its 30-day downloads, or by up to half if its popularity is rising
matches as (
    select
        present.repo_type,
        present.repo_key,
        present.repo_id,
        vanished.repo_key as vanished_key,
        vanished.repo_id as vanished_id,
        present.n_downloads_all_time,
        count(*) over (partition by present.repo_type, present.repo_key) as n_candidates,
        count(*) over (partition by vanished.repo_type, vanished.repo_key) as n_successors
    from changes as present
    inner join vanished
        on present.repo_type = vanished.repo_type and present.namespace = vanished.namespace
    cross join rules
    where
        present.is_listed
        and present.previous_date is null
        and vanished.previous_n_downloads_all_time >= rules.least_same_count
        and present.n_downloads_all_time >= vanished.previous_n_downloads_all_time
        and present.n_downloads_all_time
        <= vanished.previous_n_downloads_all_time * (1 + rules.same_count)
        + coalesce(vanished.previous_n_downloads, 0) * 0.5
),

moved as (
    select
        repo_type,
        repo_key,
        repo_id,
        'moved' as rule,
        'info' as severity,
        vanished_id as related_repo_id,
        n_downloads_all_time as value,
        'a new key of the same namespace continues the all-time count of a repository that vanished' as evidence
    from matches
    where n_candidates = 1 and n_successors = 1
),

fallen as (
    select
        changes.repo_type,
        changes.repo_key,
        changes.repo_id,
        'rollback' as rule,
        'warning' as severity,
        cast(null as varchar) as related_repo_id,
        changes.n_new_downloads as value,
        'the all-time count fell' as evidence
    from changes
    cross join rules
    where changes.is_listed and changes.n_new_downloads <= -rules.fallen_downloads
),

unliked as (
    select
        changes.repo_type,
        changes.repo_key,
        changes.repo_id,
        'likes_lost' as rule,
        'warning' as severity,
        cast(null as varchar) as related_repo_id,
        changes.n_new_likes as value,
        'lost a fifth of its likes or more' as evidence
    from changes
    cross join rules
    where
        changes.is_listed
        and changes.n_new_likes <= -rules.lost_likes
        and -changes.n_new_likes >= changes.previous_n_likes * 0.2
),

gone as (
    select
        vanished.repo_type,
        vanished.repo_key,
        vanished.repo_id,
        'vanished' as rule,
        'warning' as severity,
        cast(null as varchar) as related_repo_id,
        vanished.previous_n_downloads_all_time as value,
        'left the listing with many downloads or likes' as evidence
    from vanished
    cross join rules
    left join matches on vanished.repo_type = matches.repo_type and vanished.repo_key = matches.vanished_key
    where
        matches.vanished_key is null
        and (
            vanished.previous_n_downloads_all_time >= rules.vanished_downloads
            or vanished.previous_n_likes >= rules.vanished_likes
        )
),

candidates as (
    select changes.repo_type, changes.repo_key, changes.repo_id, changes.n_new_downloads
    from changes
    cross join rules
    left join suspect on changes.repo_type = suspect.repo_type
    where
        changes.is_listed
        and changes.was_listed
        and changes.n_new_downloads >= rules.spike_downloads
        and not coalesce(suspect.has_suspect_counters, false)
),

histories as (
    select
        earlier.repo_type,
        earlier.repo_key,
        sum(case when earlier.n_new_downloads > 0 then earlier.n_new_downloads else 0 end) as n_new_downloads,
        count(earlier.n_new_downloads) as n_listings
    from {{ ref('int_hub__listing_changes') }} as earlier
    inner join candidates on earlier.repo_type = candidates.repo_type and earlier.repo_key = candidates.repo_key
    where
        earlier.snapshot_date <= date '{{ var('snapshot_date') }}'
        and earlier.snapshot_date > date '{{ var('snapshot_date') }}' - interval '56 days'
        and earlier.is_listed
    group by earlier.repo_type, earlier.repo_key
),

spikes as (
    select
        candidates.repo_type,
        candidates.repo_key,
        candidates.repo_id,
        'spike' as rule,
        'warning' as severity,
        cast(null as varchar) as related_repo_id,
        candidates.n_new_downloads as value,
        'most downloads of the last eight weeks fell into this one' as evidence
    from candidates
    inner join histories on candidates.repo_type = histories.repo_type and candidates.repo_key = histories.repo_key
    cross join rules
    where
        histories.n_listings >= rules.spike_listings
        and candidates.n_new_downloads > rules.spike_share * histories.n_new_downloads
),

anomalies as (
    select * from renamed
    union all
    select * from moved
    union all
    select * from fallen
    union all
    select * from unliked
    union all
    select * from gone
    union all
    select * from spikes
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    repo_type,
    repo_key,
    rule,
    repo_id,
    severity,
    related_repo_id,
    value,
    evidence
from anomalies
