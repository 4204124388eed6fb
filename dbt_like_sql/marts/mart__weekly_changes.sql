with

-- the most recent earlier week, which may be more than seven days back if weeks are missing
earlier as (
    select max(snapshot_date) as previous_date
    from {{ ref('mart__repo_activity') }}
    where snapshot_date < date '{{ var('snapshot_date') }}'
),

present as (
    select repo_type, repo_key, namespace, n_likes, n_downloads, n_usage_spaces
    from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

previous as (
    select activity.repo_type, activity.repo_key, activity.n_likes, activity.n_downloads, activity.n_usage_spaces
    from {{ ref('mart__repo_activity') }} as activity
    inner join earlier on activity.snapshot_date = earlier.previous_date
),

-- changes in repositories listed in both weeks; a change is unknown if either week's number is unknown
moved as (
    select
        present.repo_type,
        present.namespace,
        count(*) as n_listed,
        count(previous.repo_key) as n_listed_both,
        cast(sum(present.n_likes - previous.n_likes) as bigint) as likes_change,
        cast(sum(present.n_downloads - previous.n_downloads) as bigint) as downloads_change,
        cast(sum(present.n_usage_spaces - previous.n_usage_spaces) as bigint) as usage_change
    from present
    left join previous
        on present.repo_type = previous.repo_type
        and present.repo_key = previous.repo_key
    group by present.repo_type, present.namespace
),

counted as (
    select
        repo_type,
        namespace,
        count(case when change = 'new' then 1 end) as n_new,
        count(case when change = 'returned' then 1 end) as n_returned,
        count(case when change = 'gone' then 1 end) as n_gone,
        count(case when change = 'renamed' then 1 end) as n_renamed,
        count(case when change = 'moved' then 1 end) as n_moved_in,
        count(case when change = 'gated' then 1 end) as n_gated,
        count(case when change = 'ungated' then 1 end) as n_ungated,
        count(case when change = 'disabled' then 1 end) as n_disabled
    from {{ ref('mart__repository_changes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by repo_type, namespace
),

left_behind as (
    select repo_type, previous_namespace as namespace, count(*) as n_moved_out
    from {{ ref('mart__repository_changes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and change = 'moved'
    group by repo_type, previous_namespace
),

namespaces as (
    select repo_type, namespace from moved
    union
    select repo_type, namespace from counted
    union
    select repo_type, namespace from left_behind
),

joined as (
    select
        namespaces.repo_type,
        namespaces.namespace,
        coalesce(moved.n_listed, 0) as n_listed,
        coalesce(counted.n_new, 0) as n_new,
        coalesce(counted.n_returned, 0) as n_returned,
        coalesce(counted.n_gone, 0) as n_gone,
        coalesce(counted.n_renamed, 0) as n_renamed,
        coalesce(counted.n_moved_in, 0) as n_moved_in,
        coalesce(left_behind.n_moved_out, 0) as n_moved_out,
        coalesce(counted.n_gated, 0) as n_gated,
        coalesce(counted.n_ungated, 0) as n_ungated,
        coalesce(counted.n_disabled, 0) as n_disabled,
        coalesce(moved.n_listed_both, 0) as n_listed_both,
        moved.likes_change,
        moved.downloads_change,
        moved.usage_change
    from namespaces
    left join moved
        on namespaces.repo_type = moved.repo_type
        and namespaces.namespace is not distinct from moved.namespace
    left join counted
        on namespaces.repo_type = counted.repo_type
        and namespaces.namespace is not distinct from counted.namespace
    left join left_behind
        on namespaces.repo_type = left_behind.repo_type
        and namespaces.namespace is not distinct from left_behind.namespace
)

-- nearly all namespaces have no changes; leave them out
select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    joined.repo_type,
    coalesce(joined.namespace, '') as namespace,
    earlier.previous_date,
    joined.n_listed,
    joined.n_new,
    joined.n_returned,
    joined.n_gone,
    joined.n_renamed,
    joined.n_moved_in,
    joined.n_moved_out,
    joined.n_gated,
    joined.n_ungated,
    joined.n_disabled,
    joined.n_listed_both,
    joined.likes_change,
    joined.downloads_change,
    joined.usage_change
from joined
cross join earlier
where
    earlier.previous_date is not null
    and (
        joined.n_new + joined.n_returned + joined.n_gone + joined.n_renamed + joined.n_moved_in + joined.n_moved_out
        + joined.n_gated + joined.n_ungated + joined.n_disabled > 0
        or joined.likes_change <> 0 or joined.downloads_change <> 0 or joined.usage_change <> 0
    )
