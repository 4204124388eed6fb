with

monthly as (
    select * from {{ ref('int_hub__contributions_by_month') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

implicit as (
    select distinct repo_key
    from {{ ref('int_hub__implicit_collaborations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and edge_rule = 'first_author' and not includes_bots
),

networks as (
    select network, repo_key
    from {{ ref('int_hub__model_networks') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

listed as (
    select monthly.*
    from monthly
    left join implicit on monthly.repo_key = implicit.repo_key
    where implicit.repo_key is null
),

joined as (
    select
        repo_key, developer_id,
        min(month) as joined_month,
        row_number() over (partition by repo_key order by min(month), developer_id) as joined_as,
        lead(min(month)) over (partition by repo_key order by min(month), developer_id) as next_joined_month
    from listed
    group by repo_key, developer_id
),

-- commits made before the target joined count from the month in which the target joined
pairs as (
    select
        sources.repo_key, greatest(sources.month, targets.joined_month) as month, sources.developer_id as source_id,
        targets.developer_id as target_id, sources.n_first_commits as weight
    from listed as sources
    inner join joined as targets
        on sources.repo_key = targets.repo_key
        and sources.developer_id <> targets.developer_id
    where sources.n_first_commits > 0
),

-- developers who work alone have self-loops until someone joins
alone as (
    select
        listed.repo_key, listed.month, listed.developer_id as source_id, listed.developer_id as target_id,
        listed.n_commits as weight
    from listed
    inner join joined
        on listed.repo_key = joined.repo_key
        and listed.developer_id = joined.developer_id
    where
        joined.joined_as = 1
        and (joined.next_joined_month is null or listed.month < joined.next_joined_month)
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
