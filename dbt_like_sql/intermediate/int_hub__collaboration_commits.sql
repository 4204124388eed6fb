with

commit_authors as (
    select snapshot_date, repo_key, commit_number, committed_at, is_duplicate, author, place
    from {{ ref('int_hub__commit_authors') }}
    where snapshot_date = {{ var('snapshot_date') }} and repo_type = 'model'
),

developers as (
    select author, developer_id, is_bot, is_generic
    from {{ source('core', 'developers') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

rules as (
    select count(*) > 0 as are_duplicates_out
    from {{ ref('contribution_rules') }}
    where rule = 'duplicate_co_authors' and is_applied
),

-- a name that many bear is somebody else in each repository
named as (
    select
        commit_authors.*,
        case
            when developers.is_generic then concat(developers.developer_id, '-', commit_authors.repo_key)
            else developers.developer_id
        end as developer_id,
        coalesce(developers.is_bot, false) as is_bot
    from commit_authors
    cross join rules
    left join developers on commit_authors.author = developers.author
    where commit_authors.place = 1 or not (commit_authors.is_duplicate and rules.are_duplicates_out)
)

-- a commit that names two names of one developer is one
select
    snapshot_date,
    repo_key,
    commit_number,
    developer_id,
    bool_and(is_bot) as is_bot,
    min(place) = 1 as is_first_author,
    min(committed_at) as committed_at
from named
group by snapshot_date, repo_key, commit_number, developer_id
