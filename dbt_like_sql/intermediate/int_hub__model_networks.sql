with

models as (
    select snapshot_date, repo_key, tags, pipeline_tag
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- the task is usually among the tags, but not always
tagged as (
    select snapshot_date, repo_key, unnest(tags) as tag
    from models
    union all
    select snapshot_date, repo_key, pipeline_tag as tag
    from models
),

subfields as (
    select tag, network
    from {{ ref('subfields') }}
    where
        (valid_from is null or valid_from <= date '{{ var('snapshot_date') }}')
        and (valid_to is null or valid_to >= date '{{ var('snapshot_date') }}')
)

select snapshot_date, 'all' as network, repo_key
from models
union all
select distinct tagged.snapshot_date, subfields.network, tagged.repo_key
from tagged
inner join subfields on tagged.tag = subfields.tag
