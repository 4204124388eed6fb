with

namespaces as (
    select * from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

repositories as (
    select * from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and namespace is not null
),

histories as (
    select repo_type, repo_key, n_commits
    from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    repositories.snapshot_date,
    namespaces.organization,
    namespaces.kind,
    namespaces.country,
    namespaces.organization_group,
    repositories.repo_type,
    count(distinct namespaces.handle) as n_namespaces,
    count(*) as n_repos,
    cast(sum(repositories.n_downloads) as bigint) as n_downloads,
    cast(sum(repositories.n_likes) as bigint) as n_likes,
    count(histories.n_commits) as n_repos_known,
    count(histories.n_commits) / count(*) as share_known,
    cast(sum(histories.n_commits) as bigint) as n_commits
from repositories
inner join namespaces on lower(repositories.namespace) = namespaces.handle
left join histories
    on repositories.repo_type = histories.repo_type
    and repositories.repo_key = histories.repo_key
group by
    repositories.snapshot_date, namespaces.organization, namespaces.kind, namespaces.country,
    namespaces.organization_group, repositories.repo_type
-- sorted by organization, because readers look up one organization at a time
order by namespaces.organization, namespaces.kind, repositories.repo_type
