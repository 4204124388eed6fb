with

nodes as (
    select * from {{ source('network', 'family_nodes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

members as (
    select root_node, node, depth
    from {{ source('network', 'family_members') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

models as (
    select * from {{ ref('mart__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a model may name the same base with several relations
relations as (
    select
        repo_key,
        max(case when relation = 'finetune' then 1 else 0 end) as is_finetune,
        max(case when relation = 'adapter' then 1 else 0 end) as is_adapter,
        max(case when relation = 'quantized' then 1 else 0 end) as is_quantized,
        max(case when relation = 'merge' then 1 else 0 end) as is_merge
    from {{ ref('mart__base_model_edges') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and not is_self_loop and base_repo_id <> '(no id)'
    group by repo_key
),

families as (
    select
        members.root_node,
        count(*) as n_members,
        -- a sum of decimals does not depend on the order of rows; after rounding to 12 digits, three thirds add up to 1
        cast(cast(sum(cast(1 / nodes.n_roots as decimal(38, 18))) as decimal(38, 12)) as double)
            as n_members_fractional,
        max(members.depth) as max_depth,
        sum(relations.is_finetune) as n_finetunes,
        sum(relations.is_adapter) as n_adapters,
        sum(relations.is_quantized) as n_quantized,
        sum(relations.is_merge) as n_merges,
        count(case when nodes.n_roots > 1 then 1 end) as n_in_several_families,
        sum(models.n_downloads) as n_downloads_members
    from members
    inner join nodes on members.node = nodes.node
    left join relations on members.node = relations.repo_key
    left join models on members.node = models.repo_key
    group by members.root_node
)

select
    nodes.snapshot_date,
    nodes.node as root_node,
    nodes.repo_id as root_repo_id,
    nodes.is_listed,
    nodes.is_in_cycle,
    coalesce(models.organization, organizations.organization, split_part(nodes.repo_id, '/', 1)) as organization,
    coalesce(models.kind, organizations.kind, 'unknown') as kind,
    coalesce(models.country, organizations.country) as country,
    coalesce(models.license_group, 'unknown') as license_group,
    models.n_downloads,
    families.n_members,
    families.n_members_fractional,
    nodes.n_children,
    cast(families.max_depth as bigint) as max_depth,
    cast(families.n_finetunes as bigint) as n_finetunes,
    cast(families.n_adapters as bigint) as n_adapters,
    cast(families.n_quantized as bigint) as n_quantized,
    cast(families.n_merges as bigint) as n_merges,
    families.n_in_several_families,
    cast(families.n_downloads_members as bigint) as n_downloads_members
from nodes
inner join families on nodes.node = families.root_node
left join models on nodes.repo_key = models.repo_key
left join {{ ref('int_hub__organizations') }} as organizations
    on lower(split_part(nodes.repo_id, '/', 1)) = organizations.handle
    and nodes.snapshot_date = organizations.snapshot_date
where nodes.is_root
