with

models as (
    select
        relations.relation,
        relations.is_derivative,
        models.n_downloads,
        greatest(flows.n_new_downloads, 0) as n_new_downloads,
        models.n_likes,
        models.n_usage_spaces
    from {{ ref('mart__models') }} as models
    inner join {{ ref('int_hub__model_relations') }} as relations
        on models.repo_key = relations.repo_key and models.snapshot_date = relations.snapshot_date
    left join {{ ref('int_hub__repository_flows') }} as flows
        on models.repo_key = flows.repo_key
        and models.snapshot_date = flows.snapshot_date
        and flows.repo_type = 'model'
    where models.snapshot_date = date '{{ var('snapshot_date') }}'
),

summed as (
    select
        relation,
        is_derivative,
        count(*) as n_models,
        sum(n_downloads) as n_downloads,
        sum(n_new_downloads) as n_new_downloads,
        sum(n_likes) as n_likes,
        sum(n_usage_spaces) as n_usage_spaces
    from models
    group by relation, is_derivative
),

suspicions as (
    select count(*) > 0 as is_suspect
    from {{ source('core', 'week_quality') }}
    where
        snapshot_date = date '{{ var('snapshot_date') }}'
        and repo_type = 'model'
        and severity in ('warning', 'error')
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    summed.relation,
    summed.is_derivative,
    summed.n_models,
    cast(summed.n_downloads as double) as n_downloads,
    cast(summed.n_new_downloads as double) as n_new_downloads,
    cast(summed.n_likes as double) as n_likes,
    cast(summed.n_usage_spaces as double) as n_usage_spaces,
    summed.n_models / sum(summed.n_models) over () as share_of_models,
    summed.n_downloads / nullif(sum(summed.n_downloads) over (), 0) as share_of_downloads,
    summed.n_new_downloads / nullif(sum(summed.n_new_downloads) over (), 0) as share_of_new_downloads,
    summed.n_likes / nullif(sum(summed.n_likes) over (), 0) as share_of_likes,
    summed.n_usage_spaces / nullif(sum(summed.n_usage_spaces) over (), 0) as share_of_usage,
    suspicions.is_suspect
from summed
cross join suspicions
