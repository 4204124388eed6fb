with

models as (
    select * from {{ ref('mart__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

organizations as (
    select * from {{ ref('int_hub__organizations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

nodes as (
    select node, repo_key, repo_id, root_node
    from {{ source('network', 'family_nodes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

flows as (
    select repo_key, n_new_downloads from {{ ref('int_hub__repository_flows') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'model'
),

-- a model without a family is its own root; a root that is not listed is attributed by its namespace
attributed as (
    select
        models.repo_key,
        models.n_downloads,
        models.n_likes,
        flows.n_new_downloads,
        models.namespace as publisher,
        models.kind as publisher_kind,
        models.country as publisher_country,
        case
            when nodes.node is null then models.namespace
            when root_nodes.repo_id like '%/%' then split_part(root_nodes.repo_id, '/', 1)
        end as root,
        case
            when nodes.node is null then models.kind
            else coalesce(roots.kind, root_organizations.kind, 'unknown')
        end as root_kind,
        case
            when nodes.node is null then models.country
            else coalesce(roots.country, root_organizations.country)
        end as root_country
    from models
    left join flows on models.repo_key = flows.repo_key
    left join nodes on models.repo_key = nodes.repo_key
    left join nodes as root_nodes on nodes.root_node = root_nodes.node
    left join models as roots on root_nodes.repo_key = roots.repo_key
    left join organizations as root_organizations
        on lower(split_part(root_nodes.repo_id, '/', 1)) = root_organizations.handle
),

sides as (
    select
        'publisher' as attributed_to, publisher as namespace, publisher_kind as kind, publisher_country as country,
        n_downloads, n_new_downloads, n_likes
    from attributed
    union all
    select
        'root' as attributed_to, root as namespace, root_kind as kind, root_country as country,
        n_downloads, n_new_downloads, n_likes
    from attributed
),

-- name organizations, but never people
labeled as (
    select
        sides.*,
        case
            when sides.kind = 'individual' then 'individual'
            when sides.kind = 'unknown' or organizations.handle is null then 'unknown'
            else organizations.organization_group
        end as organization_group,
        case when sides.kind = 'individual' then 'individual' else coalesce(sides.country, 'unknown') end
            as country_or_band
    from sides
    left join organizations on lower(sides.namespace) = organizations.handle
),

dimensions as (
    select attributed_to, 'country' as dimension, country_or_band as item, n_downloads, n_new_downloads, n_likes
    from labeled
    union all
    select attributed_to, 'kind' as dimension, kind as item, n_downloads, n_new_downloads, n_likes
    from labeled
    union all
    select attributed_to, 'organization' as dimension, organization_group as item, n_downloads, n_new_downloads, n_likes
    from labeled
),

summed as (
    select
        attributed_to,
        dimension,
        item,
        count(*) as n_models,
        sum(n_downloads) as n_downloads,
        sum(n_new_downloads) as n_new_downloads,
        sum(n_likes) as n_likes
    from dimensions
    group by attributed_to, dimension, item
),

measured as (
    select attributed_to, dimension, item, n_models, 'n_models' as measure, n_models as amount
    from summed
    union all
    select attributed_to, dimension, item, n_models, 'n_downloads' as measure, n_downloads as amount
    from summed
    union all
    select attributed_to, dimension, item, n_models, 'n_new_downloads' as measure, n_new_downloads as amount
    from summed
    union all
    select attributed_to, dimension, item, n_models, 'n_likes' as measure, n_likes as amount
    from summed
),

-- individuals have a kind, but neither a country nor an organization
shared as (
    select
        *,
        item = 'unknown' or (item = 'individual' and dimension <> 'kind') as is_unknown,
        greatest(amount, 0) as above_zero,
        nullif(sum(greatest(amount, 0)) over (partition by attributed_to, dimension, measure), 0) as total
    from measured
    where amount is not null
),

suspicions as (
    select bool_or(rule in ('partial', 'repeat', 'purge')) as is_partial, count(*) > 0 as is_suspect
    from {{ source('core', 'week_quality') }}
    where
        snapshot_date = date '{{ var('snapshot_date') }}'
        and repo_type = 'model'
        and severity in ('warning', 'error')
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    shared.measure,
    shared.attributed_to,
    shared.dimension,
    shared.item,
    shared.is_unknown,
    shared.n_models,
    cast(shared.amount as double) as amount,
    shared.above_zero / shared.total as share,
    case
        when shared.is_unknown then shared.above_zero
        else shared.above_zero + coalesce(
            sum(case when shared.is_unknown then shared.above_zero end)
                over (partition by shared.attributed_to, shared.dimension, shared.measure),
            0
        )
    end / shared.total as share_high,
    case
        when shared.measure like '%downloads' then suspicions.is_suspect
        else coalesce(suspicions.is_partial, false)
    end as is_suspect
from shared
cross join suspicions
