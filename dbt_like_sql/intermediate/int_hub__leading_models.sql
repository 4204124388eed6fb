with

top_models as (
    select snapshot_date, network, 'usage' as ranking, repo_id, rank
    from {{ ref('network__model_usage') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and rank <= 100
    union all
    select snapshot_date, network, 'co_usage' as ranking, repo_id, rank
    from {{ source('network', 'model_co_usage') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and rank <= 100 and degree > 0
)

-- an id without a namespace is not an account name
select
    top_models.snapshot_date,
    top_models.network,
    top_models.ranking,
    top_models.rank,
    top_models.repo_id,
    coalesce(
        model_developers.namespace,
        case when top_models.repo_id like '%/%' then split_part(top_models.repo_id, '/', 1) end
    ) as namespace
from top_models
left join {{ ref('model_developers') }} as model_developers on top_models.repo_id = model_developers.repo_id
