with

namespaces as (
    select * from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- repositories without a namespace have no known publisher
repositories as (
    select
        repositories.snapshot_date,
        repositories.repo_type,
        repositories.n_downloads,
        namespaces.handle,
        coalesce(namespaces.kind, 'unknown') <> 'unknown' as has_kind,
        coalesce(namespaces.country, 'International') <> 'International' as has_country,
        coalesce(namespaces.country = 'International', false) as is_international
    from {{ ref('int_hub__repositories') }} as repositories
    left join namespaces on lower(repositories.namespace) = namespaces.handle
    where repositories.snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    snapshot_date,
    repo_type,
    count(*) as n_repos,
    count(distinct handle) as n_namespaces,
    cast(sum(n_downloads) as bigint) as n_downloads,
    count(case when has_kind then 1 end) / count(*) as share_of_repos_with_kind,
    count(case when has_country then 1 end) / count(*) as share_of_repos_with_country,
    count(case when is_international then 1 end) / count(*) as share_of_repos_international,
    cast(sum(case when has_kind then n_downloads end) as bigint) / nullif(sum(n_downloads), 0)
        as share_of_downloads_with_kind,
    cast(sum(case when has_country then n_downloads end) as bigint) / nullif(sum(n_downloads), 0)
        as share_of_downloads_with_country,
    cast(sum(case when is_international then n_downloads end) as bigint) / nullif(sum(n_downloads), 0)
        as share_of_downloads_international
from repositories
group by snapshot_date, repo_type
