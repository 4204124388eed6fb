with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'model'
),

listed as (
    select repo_key, pipeline_tag, library_name, n_downloads_all_time, trending_score
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

namespaces as (
    select * from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a few models from 2019 and 2020 still have ids without a namespace
legacy as (
    select developers.repo_id, organizations.organization, organizations.kind, organizations.country
    from {{ ref('model_developers') }} as developers
    inner join {{ ref('int_hub__organizations') }} as organizations
        on lower(developers.namespace) = organizations.handle
    where organizations.snapshot_date = date '{{ var('snapshot_date') }}' and developers.repo_id not like '%/%'
),

themes as (
    select repo_key, list(theme order by theme) as themes
    from {{ ref('int_hub__themes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'model'
    group by repo_key
),

derivatives as (
    select base_repo_key, count(distinct repo_key) as n_derivatives
    from {{ ref('mart__base_model_edges') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and base_repo_key is not null and not is_self_loop
    group by base_repo_key
)

select
    activity.snapshot_date,
    activity.repo_key,
    activity.repo_id,
    activity.namespace,
    coalesce(namespaces.organization, legacy.organization, '(no namespace)') as organization,
    coalesce(namespaces.kind, legacy.kind, 'unknown') as kind,
    coalesce(namespaces.country, legacy.country) as country,
    listed.pipeline_tag as task,
    listed.library_name as library,
    coalesce(themes.themes, cast([] as varchar[])) as themes,
    activity.n_parameters,
    coalesce(size_classes.size_class, 'unknown') as size_class,
    activity.license,
    coalesce(activity.license_group, 'unknown') as license_group,
    cast(activity.created_at as date) as created_date,
    activity.n_downloads,
    listed.n_downloads_all_time,
    activity.n_likes,
    listed.trending_score,
    activity.n_usage_spaces,
    coalesce(derivatives.n_derivatives, 0) as n_derivatives
from activity
left join listed on activity.repo_key = listed.repo_key
left join namespaces on lower(activity.namespace) = namespaces.handle
left join legacy on activity.repo_id = legacy.repo_id
left join themes on activity.repo_key = themes.repo_key
left join derivatives on activity.repo_key = derivatives.base_repo_key
left join {{ ref('size_classes') }} as size_classes
    on activity.n_parameters >= size_classes.min_parameters
    and activity.n_parameters < size_classes.max_parameters
-- readers scan one organization at a time, and break ties by this order
order by organization, activity.repo_id
