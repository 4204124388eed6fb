with

namespaces as (
    select handle, organization, kind
    from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

repositories as (
    select
        repositories.repo_type, repositories.repo_key, repositories.created_at, namespaces.organization,
        namespaces.kind
    from {{ ref('int_hub__repositories') }} as repositories
    inner join namespaces on lower(repositories.namespace) = namespaces.handle
    where repositories.snapshot_date = date '{{ var('snapshot_date') }}'
),

created as (
    select organization, kind, repo_type, cast(created_at as date) as activity_date, count(*) as n_created
    from repositories
    where created_at is not null
    group by organization, kind, repo_type, cast(created_at as date)
),

committed as (
    select
        repositories.organization,
        repositories.kind,
        repositories.repo_type,
        days.commit_date as activity_date,
        cast(sum(days.n_commits) as bigint) as n_commits
    from {{ ref('int_hub__commit_days') }} as days
    inner join repositories
        on days.repo_type = repositories.repo_type
        and days.repo_key = repositories.repo_key
    where days.snapshot_date = date '{{ var('snapshot_date') }}' and days.commit_date is not null
    group by repositories.organization, repositories.kind, repositories.repo_type, days.commit_date
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    coalesce(created.organization, committed.organization) as organization,
    coalesce(created.kind, committed.kind) as kind,
    coalesce(created.repo_type, committed.repo_type) as repo_type,
    coalesce(created.activity_date, committed.activity_date) as activity_date,
    coalesce(created.n_created, 0) as n_created,
    coalesce(committed.n_commits, 0) as n_commits
from created
full join committed
    on created.organization = committed.organization
    and created.kind = committed.kind
    and created.repo_type = committed.repo_type
    and created.activity_date = committed.activity_date
-- sorted by organization, because readers look up one organization at a time
order by organization, kind, repo_type, activity_date
