with

contributions as (
    select * from {{ ref('int_hub__collaborations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

networks as (
    select network, repo_key
    from {{ ref('int_hub__model_networks') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    contributions.snapshot_date,
    networks.network,
    contributions.includes_bots,
    contributions.developer_id,
    bool_and(contributions.is_bot) as is_bot,
    count(*) as n_repos,
    count(case when contributions.n_developers > 1 then 1 end) as n_shared_repos,
    cast(sum(contributions.n_commits) as bigint) as n_commits
from contributions
inner join networks on contributions.repo_key = networks.repo_key
group by contributions.snapshot_date, networks.network, contributions.includes_bots, contributions.developer_id
