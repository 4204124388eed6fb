with

spaces as (
    select snapshot_date, repo_key as space_key, model_ids
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

named as (
    select distinct snapshot_date, space_key, unnest(model_ids) as model_id
    from spaces
),

listed as (
    select repo_id, min(repo_key) as repo_key
    from {{ ref('stg_hub__models') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by repo_id
)

select
    named.snapshot_date,
    named.space_key,
    named.model_id,
    listed.repo_key as model_key,
    listed.repo_key is not null as is_resolved
from named
left join listed on named.model_id = listed.repo_id
