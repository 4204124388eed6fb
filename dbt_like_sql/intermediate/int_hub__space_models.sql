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

models as (
    select repo_key, repo_id
    from {{ ref('stg_hub__models') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

listed as (
    select repo_id, min(repo_key) as repo_key
    from models
    group by repo_id
),

listed_keys as (
    select distinct repo_key from models
),

-- an id is asked for once, or again much later: the last answer by then holds
asked as (
    -- an answer in vain does not take back an earlier one
    select repo_id, coalesce(max(case when outcome <> 'failed' then snapshot_date end), max(snapshot_date)) as asked_date
    from {{ ref('stg_hub__aliases') }}
    where snapshot_date <= {{ var('snapshot_date') }} and repo_type = 'model'
    group by repo_id
),

aliases as (
    select aliases.repo_id, aliases.outcome, aliases.target_id, aliases.repo_key
    from {{ ref('stg_hub__aliases') }} as aliases
    inner join asked
        on aliases.repo_id = asked.repo_id
        and aliases.snapshot_date = asked.asked_date
    where aliases.repo_type = 'model'
),

-- where each alias leads at once: by the key, which survives renames, else by the id
steps as (
    select
        aliases.repo_id,
        aliases.target_id,
        coalesce(listed_keys.repo_key, listed.repo_key) as model_key
    from aliases
    left join listed_keys on aliases.repo_key = listed_keys.repo_key
    left join listed on aliases.target_id = listed.repo_id
    where aliases.outcome in ('ok', 'moved')
),

-- an alias may lead to another one; nobody renames so often that three steps would not do
led as (
    select
        steps.repo_id,
        coalesce(steps.model_key, second_steps.model_key, third_steps.model_key) as model_key
    from steps
    left join steps as second_steps
        on steps.target_id = second_steps.repo_id
    left join steps as third_steps
        on second_steps.target_id = third_steps.repo_id
)

select
    named.snapshot_date,
    named.space_key,
    named.model_id,
    coalesce(listed.repo_key, led.model_key) as model_key,
    coalesce(listed.repo_key, led.model_key) is not null as is_resolved,
    case
        when listed.repo_key is not null then 'listed'
        when led.model_key is not null then 'alias'
        else 'unresolved'
    end as how,
    aliases.outcome as alias_outcome
from named
left join listed on named.model_id = listed.repo_id
left join led on named.model_id = led.repo_id
left join aliases on named.model_id = aliases.repo_id
