with

edges as (
    select * from {{ ref('int_hub__collaboration_edges') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and not includes_bots
),

pseudonyms as (
    select developer_id, pseudonym
    from {{ source('core', 'pseudonyms') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    edges.snapshot_date,
    edges.network,
    edges.edge_rule,
    sources.pseudonym as source,
    targets.pseudonym as target,
    edges.weight,
    edges.n_repos,
    edges.fractional_weight
from edges
left join pseudonyms as sources on edges.source_id = sources.developer_id
left join pseudonyms as targets on edges.target_id = targets.developer_id
