with

commits as (
    select repo_key, developer_id, is_first_author, committed_at
    from {{ ref('int_hub__collaboration_commits') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and not is_bot
),

week as (
    select
        date '2018-01-01' as first_month,
        cast(date_trunc('month', date '{{ var('snapshot_date') }}' + interval 6 day) as date) as last_month
),

-- undated and future-dated commits existed by the end of the week; clocks set to 1970 would create hundreds of empty
-- months (`least` and `greatest` skip nulls, so nulls are handled first)
dated as (
    select
        commits.repo_key, commits.developer_id, commits.is_first_author,
        case
            when commits.committed_at is null then week.last_month
            else least(
                greatest(cast(date_trunc('month', commits.committed_at) as date), week.first_month),
                week.last_month
            )
        end as month
    from commits
    cross join week
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    repo_key,
    developer_id,
    month,
    count(*) as n_commits,
    count(case when is_first_author then 1 end) as n_first_commits
from dated
group by repo_key, developer_id, month
