with

models as (
    select repo_key, license, license_group, n_downloads
    from {{ ref('mart__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

roots as (
    select members.node, least(members.depth, 5) as depth, nodes.repo_key as root_key
    from {{ source('network', 'family_members') }} as members
    inner join {{ source('network', 'family_nodes') }} as nodes
        on members.root_node = nodes.node and members.snapshot_date = nodes.snapshot_date
    where members.snapshot_date = date '{{ var('snapshot_date') }}' and members.depth > 0
),

compared as (
    select
        roots.depth,
        models.n_downloads,
        case
            when roots.root_key is null then 'root not listed'
            else coalesce(rules.drift, 'unknown')
        end as drift
    from roots
    inner join models on roots.node = models.repo_key
    left join models as root_models on roots.root_key = root_models.repo_key
    left join {{ ref('license_drift_rules') }} as rules
        on root_models.license_group = rules.base_license_group
        and models.license_group = rules.license_group
        and rules.is_same_license = coalesce(models.license = root_models.license, false)
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    depth,
    drift,
    count(*) as n_models,
    count(*) / sum(count(*)) over (partition by depth) as share_of_models,
    cast(sum(n_downloads) as bigint) as n_downloads
from compared
group by depth, drift
