with

models as (
    select snapshot_date, repo_key, repo_id, tags
    from {{ ref('stg_hub__models') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

tagged as (
    select snapshot_date, repo_key, repo_id, unnest(tags) as tag
    from models
),

named as (
    select snapshot_date, repo_key, repo_id, trim(substr(tag, 12)) as named
    from tagged
    where starts_with(tag, 'base_model:')
),

-- a relation is a word before a colon; an address has one, too, with two strokes after it
split as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        nullif(regexp_extract(named, '^([a-z_]+):([^/]|/[^/]|$)', 1), '') as relation,
        case
            when regexp_matches(named, '^[a-z_]+:([^/]|/[^/]|$)') then trim(substr(named, strpos(named, ':') + 1))
            else named
        end as base
    from named
),

-- many a base is a path on somebody's disk, which may name them
bases as (
    select
        snapshot_date,
        repo_key,
        repo_id,
        relation,
        case when regexp_full_match(base, '[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?') then base else '(no id)' end
            as base_repo_id
    from split
    where base <> ''
),

-- beside each tag with a relation the Hub puts one without
related as (
    select distinct snapshot_date, repo_key, repo_id, base_repo_id, relation
    from bases
    where relation is not null
),

unrelated as (
    select distinct bases.snapshot_date, bases.repo_key, bases.repo_id, bases.base_repo_id
    from bases
    left join related on bases.repo_key = related.repo_key and bases.base_repo_id = related.base_repo_id
    where bases.relation is null and related.repo_key is null
),

edges as (
    select snapshot_date, repo_key, repo_id, base_repo_id, relation
    from related
    union all
    select snapshot_date, repo_key, repo_id, base_repo_id, 'unspecified' as relation
    from unrelated
),

listed as (
    select repo_id, min(repo_key) as repo_key
    from models
    group by repo_id
),

-- ids that are no longer listed, as far as spaces name them too and the Hub was asked
led as (
    select model_id, min(model_key) as model_key
    from {{ ref('int_hub__space_models') }}
    where snapshot_date = {{ var('snapshot_date') }} and how = 'alias'
    group by model_id
)

select
    edges.snapshot_date,
    edges.repo_key,
    edges.repo_id,
    edges.base_repo_id,
    coalesce(listed.repo_key, led.model_key) as base_repo_key,
    edges.relation,
    edges.base_repo_id = edges.repo_id or coalesce(coalesce(listed.repo_key, led.model_key) = edges.repo_key, false)
        as is_self_loop
from edges
left join listed on edges.base_repo_id = listed.repo_id
left join led on edges.base_repo_id = led.model_id
