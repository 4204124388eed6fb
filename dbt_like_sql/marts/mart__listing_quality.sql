with

earlier as (
    select max(snapshot_date) as previous_date
    from {{ ref('int_hub__repositories') }}
    where snapshot_date < date '{{ var('snapshot_date') }}'
),

sizes as (
    select
        repositories.repo_type,
        count(case when repositories.snapshot_date = date '{{ var('snapshot_date') }}' then 1 end) as n,
        count(case when repositories.snapshot_date = earlier.previous_date then 1 end) as n_before,
        sum(case when repositories.snapshot_date = date '{{ var('snapshot_date') }}' then repositories.n_likes end)
            as likes,
        sum(case when repositories.snapshot_date = earlier.previous_date then repositories.n_likes end) as likes_before,
        sum(case when repositories.snapshot_date = date '{{ var('snapshot_date') }}' then repositories.n_downloads end)
            as downloads,
        sum(case when repositories.snapshot_date = earlier.previous_date then repositories.n_downloads end)
            as downloads_before
    from {{ ref('int_hub__repositories') }} as repositories
    cross join earlier
    where
        repositories.snapshot_date = date '{{ var('snapshot_date') }}'
        or repositories.snapshot_date = earlier.previous_date
    group by repositories.repo_type
),

fetched as (
    select distinct repo_type, repo_key
    from {{ ref('stg_hub__commits') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

listed as (
    select distinct repo_type, repo_key
    from {{ ref('int_hub__repositories') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
),

measures as (
    select 'repositories_change' as check_name, repo_type as subject, n / nullif(n_before, 0) - 1 as value
    from sizes
    union all
    select 'likes_change', repo_type, likes / nullif(likes_before, 0) - 1 from sizes
    union all
    select 'downloads_change', repo_type, downloads / nullif(downloads_before, 0) - 1 from sizes
    union all
    select
        'commits_of_unlisted_repositories' as check_name,
        'all' as subject,
        cast(count(fetched.repo_key) - count(listed.repo_key) as double) as value
    from fetched
    left join listed on fetched.repo_type = listed.repo_type and fetched.repo_key = listed.repo_key
    union all
    select 'share_of_histories_known' as check_name, concat(repo_type, ' ', kind) as subject, share_known as value
    from {{ ref('mart__history_coverage') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- an unknown value, such as a change in the first week, cannot fail
judged as (
    select
        date '{{ var('snapshot_date') }}' as snapshot_date,
        measures.check_name,
        measures.subject,
        measures.value,
        thresholds.minimum,
        thresholds.maximum,
        thresholds.severity,
        coalesce(measures.value >= thresholds.minimum, true) and coalesce(measures.value <= thresholds.maximum, true)
            as is_within
    from measures
    left join {{ ref('check_thresholds') }} as thresholds on measures.check_name = thresholds.check_name
)

select
    *,
    is_within or severity = 'warn' as is_publishable
from judged
