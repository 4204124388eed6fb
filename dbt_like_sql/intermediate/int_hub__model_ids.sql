with

named as (
    select snapshot_date, unnest(model_ids) as model_id
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select snapshot_date, base_repo_id as model_id
    from {{ ref('int_hub__base_models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and base_repo_id <> '(no id)'
),

ids as (
    select distinct snapshot_date, model_id, lower(model_id) as spelling
    from named
    where model_id is not null
),

models as (
    select repo_key, repo_id
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

listed as (
    select repo_id, min(repo_key) as repo_key
    from models
    group by repo_id
),

-- the Hub ignores case in ids; an exact match takes precedence
listed_in_any_case as (
    select lower(repo_id) as spelling, min(repo_key) as repo_key
    from models
    group by lower(repo_id)
),

listed_keys as (
    select distinct repo_key from models
),

-- an id may be looked up again much later: the latest response counts, but a failure does not override an earlier one
answers as (
    select
        lower(repo_id) as spelling,
        outcome,
        target_id,
        repo_key,
        row_number() over (
            partition by lower(repo_id)
            order by case when outcome = 'failed' then 1 else 0 end, snapshot_date desc, repo_id asc
        ) as place
    from {{ ref('stg_hub__aliases') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and repo_type = 'model'
),

aliases as (
    select spelling, outcome, target_id, lower(target_id) as target, repo_key
    from answers
    where place = 1
),

-- find the direct target of each alias by the target's key, which survives renames, or else by the target's id
steps as (
    select
        aliases.spelling,
        aliases.target,
        coalesce(listed_keys.repo_key, listed.repo_key, listed_in_any_case.repo_key) as model_key
    from aliases
    left join listed_keys on aliases.repo_key = listed_keys.repo_key
    left join listed on aliases.target_id = listed.repo_id
    left join listed_in_any_case on aliases.target = listed_in_any_case.spelling
    where aliases.outcome in ('ok', 'moved')
),

-- an alias may point to another alias; three steps cover any realistic number of renames
led as (
    select
        steps.spelling,
        coalesce(steps.model_key, second_steps.model_key, third_steps.model_key) as model_key
    from steps
    left join steps as second_steps
        on steps.target = second_steps.spelling
    left join steps as third_steps
        on second_steps.target = third_steps.spelling
)

select
    ids.snapshot_date,
    ids.model_id,
    coalesce(listed.repo_key, listed_in_any_case.repo_key, led.model_key) as model_key,
    case
        when listed_in_any_case.repo_key is not null then 'listed'
        when led.model_key is not null then 'alias'
        else 'unresolved'
    end as match_method,
    aliases.outcome as alias_outcome
from ids
left join listed on ids.model_id = listed.repo_id
left join listed_in_any_case on ids.spelling = listed_in_any_case.spelling
left join led on ids.spelling = led.spelling
left join aliases on ids.spelling = aliases.spelling
