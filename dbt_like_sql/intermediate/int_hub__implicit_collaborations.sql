with

contributions as (
    select
        *,
        count(case when n_first_commits > 0 then 1 end) over (partition by includes_bots, repo_key) as n_first_authors
    from {{ ref('int_hub__collaborations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- 2,000 developers form 4 million pairs. With three rules, with and without bots, in `all` and in a sub-field, these
-- pairs would become 48 million rows, which take about 5 minutes and 4.5 GiB
bound as (
    select 4000000 as most_pairs
),

by_rule as (
    select
        rules.edge_rule, contributions.*,
        case when rules.edge_rule = 'all_authors' then contributions.n_commits else contributions.n_first_commits end
            as n_source_commits,
        case when rules.edge_rule = 'all_authors' then contributions.n_developers else contributions.n_first_authors end
            as n_sources
    from contributions
    cross join (values ('first_author'), ('all_authors'), ('prior_contributors')) as rules (edge_rule)
)

select
    by_rule.snapshot_date,
    by_rule.edge_rule,
    by_rule.includes_bots,
    by_rule.repo_key,
    by_rule.developer_id,
    by_rule.n_source_commits as n_commits
from by_rule
inner join bound on by_rule.n_sources * (by_rule.n_developers - 1) > bound.most_pairs
