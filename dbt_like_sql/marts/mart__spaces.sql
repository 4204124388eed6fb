with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'space'
),

listed as (
    select repo_key, sdk, trending_score
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

namespaces as (
    select * from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    activity.snapshot_date,
    activity.repo_key,
    activity.repo_id,
    activity.namespace,
    coalesce(namespaces.organization, '(no namespace)') as organization,
    coalesce(namespaces.kind, 'unknown') as kind,
    namespaces.country,
    listed.sdk,
    activity.license,
    coalesce(activity.license_group, 'unknown') as license_group,
    cast(activity.created_at as date) as created_date,
    activity.n_likes,
    listed.trending_score
from activity
left join listed on activity.repo_key = listed.repo_key
left join namespaces on lower(activity.namespace) = namespaces.handle
-- readers scan one organization at a time, and break ties by this order
order by organization, activity.repo_id
