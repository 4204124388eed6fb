with

named as (
    select distinct snapshot_date, repo_key as space_key, unnest(model_ids) as model_id
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

ids as (
    select * from {{ ref('int_hub__model_ids') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    named.snapshot_date,
    named.space_key,
    named.model_id,
    ids.model_key,
    ids.model_key is not null as is_resolved,
    ids.match_method,
    ids.alias_outcome
from named
inner join ids on named.model_id = ids.model_id
