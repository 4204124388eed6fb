with

used as (
    select snapshot_date, model_key as repo_key, count(*) as n_spaces
    from {{ ref('mart__usage_edges') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by snapshot_date, model_key
),

networks as (
    select network, repo_key
    from {{ ref('int_hub__model_networks') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

models as (
    select repo_key, repo_id
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    used.snapshot_date,
    networks.network,
    used.repo_key,
    models.repo_id,
    used.n_spaces,
    row_number() over (
        partition by networks.network order by used.n_spaces desc, models.repo_id asc, used.repo_key asc
    ) as rank
from used
inner join networks on used.repo_key = networks.repo_key
inner join models on used.repo_key = models.repo_key
