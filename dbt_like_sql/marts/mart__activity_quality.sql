with

repositories as (
    select activity.repo_type, activity.license, license_groups.license as mapped
    from {{ ref('mart__repo_activity') }} as activity
    left join {{ ref('license_groups') }} as license_groups on activity.license = license_groups.license
    where activity.snapshot_date = date '{{ var('snapshot_date') }}' and activity.license is not null
),

earlier as (
    select max(snapshot_date) as previous_date
    from {{ ref('mart__repo_activity') }}
    where snapshot_date < date '{{ var('snapshot_date') }}'
),

-- if the Hub renames a task, its models leave their sub-field
subfields as (
    select
        networks.network,
        count(case when networks.snapshot_date = date '{{ var('snapshot_date') }}' then 1 end) as n,
        count(case when networks.snapshot_date = earlier.previous_date then 1 end) as n_before
    from {{ ref('int_hub__model_networks') }} as networks
    cross join earlier
    where networks.network <> 'all'
    group by networks.network
),

pairs as (
    select count(case when is_conflict then 1 end) as n_conflicts, count(*) as n_accepted
    from {{ source('core', 'developer_pairs') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and decision = 'accepted'
),

developers as (
    select
        count(distinct developers.developer_id) filter (
            where developers.snapshot_date = date '{{ var('snapshot_date') }}'
        ) as n,
        count(distinct case when developers.snapshot_date = earlier.previous_date then developers.developer_id end)
            as n_before
    from {{ source('core', 'developers') }} as developers
    cross join earlier
    where not developers.is_bot
),

measures as (
    select
        'share_of_licenses_unmapped' as check_name,
        repo_type as subject,
        (count(*) - count(mapped)) / count(*) as value
    from repositories
    group by repo_type
    union all
    select 'subfield_change', network, n / nullif(n_before, 0) - 1 from subfields
    union all
    select 'share_of_merges_in_conflict', 'all', n_conflicts / nullif(n_accepted, 0) from pairs
    union all
    select 'developers_change', 'all', n / nullif(n_before, 0) - 1 from developers
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
