with

repositories as (
    select snapshot_date, repo_type, repo_key, namespace
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

commits as (
    select repo_type, repo_key, author, n_commits, n_first_commits, 0 as n_discussions, active_weeks
    from {{ ref('int_hub__contributions') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

discussions as (
    select
        repo_type, repo_key, author, 0 as n_commits, 0 as n_first_commits, n_discussions,
        cast(null as date[]) as active_weeks
    from {{ ref('int_hub__discussion_starters') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

everything as (
    select * from commits
    union all
    select * from discussions
)

select
    repositories.snapshot_date,
    repositories.repo_type,
    repositories.repo_key,
    repositories.namespace,
    everything.author,
    cast(sum(everything.n_commits) as bigint) as n_commits,
    cast(sum(everything.n_first_commits) as bigint) as n_first_commits,
    cast(sum(everything.n_discussions) as bigint) as n_discussions,
    max(everything.active_weeks) as active_weeks
from everything
inner join repositories
    on everything.repo_type = repositories.repo_type
    and everything.repo_key = repositories.repo_key
group by
    repositories.snapshot_date, repositories.repo_type, repositories.repo_key, repositories.namespace, everything.author
