with

bases as (
    select * from {{ ref('int_hub__base_models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

ids as (
    select * from {{ ref('int_hub__model_ids') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    bases.snapshot_date,
    bases.repo_key,
    bases.repo_id,
    bases.base_repo_id,
    ids.model_key as base_repo_key,
    bases.relation,
    bases.base_repo_id = bases.repo_id or coalesce(ids.model_key = bases.repo_key, false) as is_self_loop
from bases
left join ids on bases.base_repo_id = ids.model_id
