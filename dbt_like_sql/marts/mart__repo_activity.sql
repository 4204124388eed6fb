with

repositories as (
    select * from {{ ref('int_hub__repositories') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

usage as (
    select model_key, count(distinct space_key) as n_spaces
    from {{ ref('int_hub__space_models') }}
    where snapshot_date = {{ var('snapshot_date') }} and is_resolved
    group by model_key
),

-- usage is unknown, not 0, in a week whose spaces did not say which models they use
usage_observed as (
    select count(model_ids) > 0 as is_observed
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = {{ var('snapshot_date') }}
)

select
    repositories.snapshot_date,
    repositories.repo_type,
    repositories.repo_key,
    repositories.repo_id,
    repositories.namespace,
    repositories.created_at,
    repositories.last_modified_at,
    date_diff('day', cast(repositories.created_at as date), repositories.snapshot_date) as age_days,
    repositories.is_gated,
    repositories.is_disabled,
    repositories.licenses[1] as license,
    repositories.licenses,
    case
        when repositories.licenses is null then null
        when len(repositories.licenses) = 0 then 'none'
        else coalesce(license_groups.license_group, 'other')
    end as license_group,
    repositories.n_parameters,
    repositories.n_likes,
    repositories.n_downloads,
    cast(null as bigint) as n_discussions,
    cast(null as bigint) as n_disc_starters,
    cast(null as bigint) as n_commits,
    cast(null as bigint) as n_committers,
    cast(null as bigint) as n_community,
    case
        when repositories.repo_type = 'model' and usage_observed.is_observed then coalesce(usage.n_spaces, 0)
    end as n_usage_spaces,
    'not_asked' as commits_outcome,
    'not_asked' as discussions_outcome
from repositories
cross join usage_observed
left join usage
    on repositories.repo_type = 'model' and repositories.repo_key = usage.model_key
left join {{ ref('license_groups') }} as license_groups
    on repositories.licenses[1] = license_groups.license
