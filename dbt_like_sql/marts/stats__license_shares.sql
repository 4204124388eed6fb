with

repositories as (
    select snapshot_date, repo_type, repo_key, license as first_license, licenses
    from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

totals as (
    select
        repo_type,
        count(*) as n_listed,
        count(licenses) as n_known,
        count(case when len(licenses) > 0 then 1 end) as n_licensed
    from repositories
    group by repo_type
),

named as (
    select distinct snapshot_date, repo_type, repo_key, first_license, unnest(licenses) as license
    from repositories
    union all
    select snapshot_date, repo_type, repo_key, 'none', 'none'
    from repositories
    where len(licenses) = 0
),

counted as (
    select
        snapshot_date,
        repo_type,
        license,
        count(*) as n,
        count(case when license = first_license then 1 end) as n_first
    from named
    group by snapshot_date, repo_type, license
)

select
    counted.snapshot_date,
    counted.repo_type,
    counted.license,
    case when counted.license = 'none' then 'none' else coalesce(license_groups.license_group, 'other') end
        as license_group,
    counted.license = 'none' or license_groups.license is not null as is_mapped,
    counted.n,
    counted.n_first,
    counted.n / totals.n_known as share_of_repos,
    case when counted.license <> 'none' then counted.n / totals.n_licensed end as share_of_licensed,
    totals.n_licensed,
    totals.n_known,
    totals.n_listed,
    totals.n_known / totals.n_listed as share_known
from counted
inner join totals on counted.repo_type = totals.repo_type
left join {{ ref('license_groups') }} as license_groups on counted.license = license_groups.license
order by counted.repo_type asc, counted.n desc, counted.license asc
