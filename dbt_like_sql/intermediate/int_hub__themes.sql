with

tagged as (
    select repo_type, repo_key, unnest(tags) as tag
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type in ('model', 'dataset')
    union all
    select 'model' as repo_type, repo_key, pipeline_tag as tag
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and pipeline_tag is not null
),

-- whole tags only: `bio` does not match `symbiosis`
plain as (
    select
        repo_type,
        repo_key,
        case
            when starts_with(lower(tag), 'task_categories:') then substr(lower(trim(tag)), 17)
            when starts_with(lower(tag), 'task_ids:') then substr(lower(trim(tag)), 10)
            else lower(trim(tag))
        end as tag
    from tagged
)

select distinct
    date '{{ var('snapshot_date') }}' as snapshot_date, plain.repo_type, plain.repo_key, themes.theme, themes.dimension
from plain
inner join {{ ref('themes') }} as themes on plain.tag = themes.tag
