with

commits as (
    select repo_key, developer_id, is_first_author, committed_at
    from {{ ref('int_hub__collaboration_commits') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and not is_bot
),

networks as (
    select network, repo_key
    from {{ ref('int_hub__model_networks') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
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
),

monthly as (
    select
        repo_key, developer_id, month,
        count(*) as n_commits,
        count(case when is_first_author then 1 end) as n_first_commits
    from dated
    group by repo_key, developer_id, month
),

joined as (
    select
        repo_key, developer_id,
        min(month) as joined_month,
        row_number() over (partition by repo_key order by min(month), developer_id) as joined_as,
        lead(min(month)) over (partition by repo_key order by min(month), developer_id) as next_joined_month
    from monthly
    group by repo_key, developer_id
),

-- commits made before the target joined count from the month in which the target joined
pairs as (
    select
        sources.repo_key, greatest(sources.month, targets.joined_month) as month, sources.developer_id as source_id,
        targets.developer_id as target_id, sources.n_first_commits as weight
    from monthly as sources
    inner join joined as targets
        on sources.repo_key = targets.repo_key
        and sources.developer_id <> targets.developer_id
    where sources.n_first_commits > 0
),

-- developers who work alone have self-loops until someone joins
alone as (
    select
        monthly.repo_key, monthly.month, monthly.developer_id as source_id, monthly.developer_id as target_id,
        monthly.n_commits as weight
    from monthly
    inner join joined
        on monthly.repo_key = joined.repo_key
        and monthly.developer_id = joined.developer_id
    where
        joined.joined_as = 1
        and (joined.next_joined_month is null or monthly.month < joined.next_joined_month)
),

changes as (
    select * from pairs
    union all
    select * from alone
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    networks.network,
    changes.month,
    changes.source_id,
    changes.target_id,
    cast(sum(changes.weight) as bigint) as weight
from changes
inner join networks on changes.repo_key = networks.repo_key
group by networks.network, changes.month, changes.source_id, changes.target_id
