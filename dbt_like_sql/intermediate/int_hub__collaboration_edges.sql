with

contributions as (
    select
        *,
        count(case when n_developers > 1 then 1 end) over (partition by includes_bots, developer_id) as n_shared_repos
    from {{ ref('int_hub__collaborations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

networks as (
    select network, repo_key
    from {{ ref('int_hub__model_networks') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

shared as (
    select * from contributions
    where n_developers > 1
),

implicit as (
    select distinct edge_rule, includes_bots, repo_key
    from {{ ref('int_hub__implicit_collaborations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- undated commits sort last
dated as (
    select
        shared.includes_bots, shared.repo_key, shared.developer_id, shared.n_shared_repos, commits.commit_number,
        commits.is_first_author, coalesce(commits.committed_at, timestamp '9999-12-31') as committed_at
    from {{ ref('int_hub__collaboration_commits') }} as commits
    inner join shared
        on commits.repo_key = shared.repo_key
        and commits.developer_id = shared.developer_id
    where commits.snapshot_date = date '{{ var('snapshot_date') }}'
),

arrivals as (
    select
        *,
        row_number() over (partition by includes_bots, repo_key, developer_id order by committed_at, commit_number) = 1
            as is_arrival
    from dated
),

-- number of developers who had contributed by the time of each commit, counting authors of simultaneous commits
crowds as (
    select
        includes_bots, repo_key, developer_id, n_shared_repos, is_first_author,
        cast(sum(cast(is_arrival as integer)) over (
            partition by includes_bots, repo_key
            order by committed_at
            range between unbounded preceding and current row
        ) as bigint) as n_present
    from arrivals
),

crowd_commits as (
    select includes_bots, repo_key, developer_id, n_shared_repos, n_present, count(*) as n_commits
    from crowds
    where is_first_author
    group by includes_bots, repo_key, developer_id, n_shared_repos, n_present
),

-- the n-th contributor receives an edge for every commit made once n contributors were present
steps as (
    select
        includes_bots, repo_key, developer_id, n_shared_repos, n_present,
        coalesce(lag(n_present) over (partition by includes_bots, repo_key, developer_id order by n_present), 0)
            as n_before,
        cast(sum(n_commits) over (
            partition by includes_bots, repo_key, developer_id
            order by n_present desc
            rows between unbounded preceding and current row
        ) as bigint) as n_commits
    from crowd_commits
),

prior_contributors as (
    select
        'prior_contributors' as edge_rule, steps.includes_bots, steps.repo_key, steps.developer_id,
        steps.n_shared_repos, steps.n_commits,
        unnest(generate_series(steps.n_before + 1, steps.n_present)) as arrival_number
    from steps
    left join implicit
        on steps.includes_bots = implicit.includes_bots
        and steps.repo_key = implicit.repo_key
        and implicit.edge_rule = 'prior_contributors'
    where implicit.repo_key is null
),

-- count each developer's commits before joining them with the targets, because there are far more targets
all_sources as (
    select
        'first_author' as edge_rule, includes_bots, repo_key, developer_id, n_shared_repos, n_first_commits as n_commits
    from shared
    where n_first_commits > 0
    union all
    select 'all_authors' as edge_rule, includes_bots, repo_key, developer_id, n_shared_repos, n_commits
    from shared
),

sources as (
    select all_sources.*
    from all_sources
    left join implicit
        on all_sources.edge_rule = implicit.edge_rule
        and all_sources.includes_bots = implicit.includes_bots
        and all_sources.repo_key = implicit.repo_key
    where implicit.repo_key is null
),

-- `edges` reads this twice: it passes pairs through if they share no other model, and sums all others. Generating the
-- pairs twice is cheaper than keeping them in memory
pairs as not materialized (
    select
        sources.edge_rule, sources.includes_bots, sources.repo_key, sources.developer_id as source_id,
        targets.developer_id as target_id, sources.n_commits, targets.n_developers - 1 as n_others,
        sources.n_shared_repos = 1 or targets.n_shared_repos = 1 as is_only_meeting
    from sources
    inner join shared as targets
        on sources.includes_bots = targets.includes_bots
        and sources.repo_key = targets.repo_key
        and sources.developer_id <> targets.developer_id
    union all
    select
        sources.edge_rule, sources.includes_bots, sources.repo_key, sources.developer_id as source_id,
        targets.developer_id as target_id, sources.n_commits, targets.n_developers - 1 as n_others,
        sources.n_shared_repos = 1 or targets.n_shared_repos = 1 as is_only_meeting
    from prior_contributors as sources
    inner join shared as targets
        on sources.includes_bots = targets.includes_bots
        and sources.repo_key = targets.repo_key
        and sources.arrival_number = targets.arrival_number
        and sources.developer_id <> targets.developer_id
    union all
    -- developers who work alone get a self-loop under every rule
    select
        rules.edge_rule,
        alone.includes_bots,
        alone.repo_key,
        alone.developer_id as source_id,
        alone.developer_id as target_id,
        alone.n_commits, 1 as n_others, false as is_only_meeting
    from contributions as alone
    cross join (values ('first_author'), ('all_authors'), ('prior_contributors')) as rules (edge_rule)
    where alone.n_developers = 1
),

-- a model with thousands of developers has millions of pairs, so pairs that need no summing are not materialized
edges as (
    select
        networks.network,
        pairs.edge_rule,
        pairs.includes_bots,
        pairs.source_id,
        pairs.target_id,
        pairs.n_commits as weight,
        1 as n_repos,
        cast(cast(pairs.n_commits / pairs.n_others as decimal(38, 18)) as double) as fractional_weight
    from pairs
    inner join networks on pairs.repo_key = networks.repo_key
    where pairs.is_only_meeting
    union all
    select
        networks.network, pairs.edge_rule, pairs.includes_bots, pairs.source_id, pairs.target_id,
        cast(sum(pairs.n_commits) as bigint) as weight, count(*) as n_repos,
        -- unlike a sum of decimals, a sum of doubles can differ in its last digit if the order of rows changes
        cast(sum(cast(pairs.n_commits / pairs.n_others as decimal(38, 18))) as double) as fractional_weight
    from pairs
    inner join networks on pairs.repo_key = networks.repo_key
    where not pairs.is_only_meeting
    group by networks.network, pairs.edge_rule, pairs.includes_bots, pairs.source_id, pairs.target_id
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    network,
    edge_rule,
    includes_bots,
    source_id,
    target_id,
    weight,
    n_repos,
    fractional_weight
from edges
