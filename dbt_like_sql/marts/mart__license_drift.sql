with

models as (
    select repo_key, license, license_group
    from {{ ref('mart__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

edges as (
    select
        edges.snapshot_date,
        edges.relation,
        case
            when edges.base_repo_key is null then 'not listed'
            else bases.license_group
        end as base_license_group,
        models.license_group,
        coalesce(bases.license = models.license, false) as is_same_license
    from {{ ref('mart__base_model_edges') }} as edges
    inner join models on edges.repo_key = models.repo_key
    left join models as bases on edges.base_repo_key = bases.repo_key
    where edges.snapshot_date = date '{{ var('snapshot_date') }}' and not edges.is_self_loop
),

counted as (
    select
        snapshot_date, relation, base_license_group, license_group, is_same_license, count(*) as n_edges
    from edges
    group by snapshot_date, relation, base_license_group, license_group, is_same_license
)

select
    counted.snapshot_date,
    counted.relation,
    counted.base_license_group,
    counted.license_group,
    counted.is_same_license,
    coalesce(rules.drift, 'unknown') as drift,
    counted.n_edges
from counted
left join {{ ref('license_drift_rules') }} as rules
    on counted.base_license_group = rules.base_license_group
    and counted.license_group = rules.license_group
    and counted.is_same_license = rules.is_same_license
