with

commit_authors as (
    select snapshot_date, repo_type, repo_key, commit_number, committed_at, author, place
    from {{ ref('int_hub__commit_authors') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

developers as (
    select author, developer_id, is_bot, is_generic
    from {{ source('core', 'developers') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a generic name is a separate developer in each repository
named as (
    select
        commit_authors.*,
        case
            when developers.is_generic then concat(developers.developer_id, '-', commit_authors.repo_key)
            else developers.developer_id
        end as developer_id
    from commit_authors
    left join developers on commit_authors.author = developers.author
    where not coalesce(developers.is_bot, false)
),

-- count a commit once if it names the same developer under two names
commits as (
    select
        snapshot_date, repo_type, repo_key, developer_id, commit_number, min(place) as place,
        min(committed_at) as committed_at
    from named
    group by snapshot_date, repo_type, repo_key, developer_id, commit_number
)

select
    snapshot_date,
    repo_type,
    repo_key,
    developer_id,
    count(*) as n_commits,
    count(case when place = 1 then 1 end) as n_first_commits,
    min(committed_at) as first_commit_at,
    max(committed_at) as last_commit_at
from commits
group by snapshot_date, repo_type, repo_key, developer_id
