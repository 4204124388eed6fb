with

-- roles are undefined unless both histories are known
repositories as (
    select repo_type, repo_key
    from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and n_community is not null
),

week as (
    select
        date '2018-01-01' as first_month,
        cast(date_trunc('month', date '{{ var('snapshot_date') }}' + interval 6 day) as date) as last_month
),

done as (
    select repo_type, repo_key, developer_id, true as is_commit, first_commit_at as done_at
    from {{ ref('int_hub__developer_contributions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select repo_type, repo_key, developer_id, false as is_commit, first_discussion_at as done_at
    from {{ ref('int_hub__developer_discussions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- undated and future-dated activity happened by the end of the week; activity dated before the Hub existed counts in
-- the first month
dated as (
    select
        done.repo_type, done.repo_key, done.developer_id, done.is_commit,
        case
            when done.done_at is null then week.last_month
            else least(
                greatest(cast(date_trunc('month', done.done_at) as date), week.first_month),
                week.last_month
            )
        end as month
    from done
    inner join repositories
        on done.repo_type = repositories.repo_type
        and done.repo_key = repositories.repo_key
    cross join week
),

people as (
    select
        repo_type, repo_key, developer_id,
        min(case when is_commit then month end) as committed_month,
        min(case when not is_commit then month end) as discussed_month
    from dated
    group by repo_type, repo_key, developer_id
),

-- the first kind of activity decides the role, until the other kind follows and the role becomes `both`
changes as (
    select
        repo_type, committed_month as month, 1 as n_only_commits, 0 as n_only_discussions, 0 as n_both
    from people
    where discussed_month is null or committed_month < discussed_month
    union all
    select
        repo_type, discussed_month as month, 0 as n_only_commits, 1 as n_only_discussions, 0 as n_both
    from people
    where committed_month is null or discussed_month < committed_month
    union all
    select
        repo_type, greatest(committed_month, discussed_month) as month,
        case when committed_month < discussed_month then -1 else 0 end as n_only_commits,
        case when discussed_month < committed_month then -1 else 0 end as n_only_discussions,
        1 as n_both
    from people
    where committed_month is not null and discussed_month is not null
),

monthly as (
    select
        repo_type, month,
        sum(n_only_commits) as n_only_commits,
        sum(n_only_discussions) as n_only_discussions,
        sum(n_both) as n_both
    from changes
    group by repo_type, month
),

cumulated as (
    select
        repo_type,
        month,
        month = max(month) over (partition by repo_type) as is_last_month,
        cast(sum(n_only_commits) over (partition by repo_type order by month) as bigint) as n_only_commits,
        cast(sum(n_only_discussions) over (partition by repo_type order by month) as bigint) as n_only_discussions,
        cast(sum(n_both) over (partition by repo_type order by month) as bigint) as n_both
    from monthly
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    repo_type,
    month,
    is_last_month,
    n_only_commits,
    n_only_discussions,
    n_both,
    n_only_commits + n_only_discussions + n_both as n_community
from cumulated
