with

commits as (
    select * from {{ ref('int_hub__collaboration_commits') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

contributions as (
    select
        snapshot_date,
        repo_key,
        developer_id,
        bool_and(is_bot) as is_bot,
        count(*) as n_commits,
        count(case when is_first_author then 1 end) as n_first_commits,
        min(committed_at) as first_commit_at,
        max(committed_at) as last_commit_at
    from commits
    group by snapshot_date, repo_key, developer_id
),

with_bots_or_without as (
    select true as includes_bots, *
    from contributions
    union all
    select false as includes_bots, *
    from contributions
    where not is_bot
)

select
    snapshot_date,
    includes_bots,
    repo_key,
    developer_id,
    is_bot,
    n_commits,
    n_first_commits,
    first_commit_at,
    last_commit_at,
    row_number() over (
        partition by includes_bots, repo_key
        order by first_commit_at nulls last, developer_id
    ) as arrival_number,
    count(*) over (partition by includes_bots, repo_key) as n_developers
from with_bots_or_without
