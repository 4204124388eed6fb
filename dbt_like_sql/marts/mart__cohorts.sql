with

listed as (
    select
        repositories.snapshot_date,
        repositories.repo_type,
        repositories.repo_key,
        date_trunc('month', repositories.created_at) as created_month,
        repositories.n_downloads,
        repositories.is_gated,
        repositories.last_modified_at,
        coalesce(repositories.observed_at, cast(repositories.snapshot_date as timestamp)) as observed_at
    from {{ ref('int_hub__repositories') }} as repositories
    where repositories.snapshot_date = date '{{ var('snapshot_date') }}'
),

-- absence from a partial listing does not mean that a repository is gone
partial_types as (
    select distinct repo_type
    from {{ source('core', 'week_quality') }}
    where
        snapshot_date = date '{{ var('snapshot_date') }}'
        and rule in ('partial', 'repeat')
        and severity in ('warning', 'error')
),

vanished as (
    select repo_type, repo_key, min(created_at) as created_at, max(snapshot_date) as gone_date
    from {{ ref('int_hub__listing_changes') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and not is_listed and was_listed
    group by repo_type, repo_key
),

gone as (
    select vanished.repo_type, date_trunc('month', vanished.created_at) as created_month, count(*) as n_gone
    from vanished
    left join listed on vanished.repo_type = listed.repo_type and vanished.repo_key = listed.repo_key
    left join partial_types on vanished.repo_type = partial_types.repo_type
    where
        listed.repo_key is null
        and (partial_types.repo_type is null or vanished.gone_date < date '{{ var('snapshot_date') }}')
    group by vanished.repo_type, date_trunc('month', vanished.created_at)
),

counted as (
    select
        repo_type,
        created_month,
        count(*) as n_listed,
        count(n_downloads) as n_known_downloads,
        count(case when n_downloads > 0 then 1 end) as n_downloaded,
        count(last_modified_at) as n_known_commits,
        count(case when last_modified_at >= observed_at - interval '90 days' then 1 end) as n_committed,
        count(is_gated) as n_known_gated,
        count(case when is_gated then 1 end) as n_gated
    from listed
    where created_month is not null
    group by repo_type, created_month
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    coalesce(counted.repo_type, gone.repo_type) as repo_type,
    cast(coalesce(counted.created_month, gone.created_month) as date) as created_month,
    coalesce(counted.n_listed, 0) as n_listed,
    coalesce(gone.n_gone, 0) as n_gone,
    coalesce(gone.n_gone, 0) / (coalesce(counted.n_listed, 0) + coalesce(gone.n_gone, 0)) as share_gone,
    case when counted.n_known_downloads > 0 then counted.n_downloaded / counted.n_known_downloads end
        as share_downloaded,
    case when counted.n_known_commits > 0 then counted.n_committed / counted.n_known_commits end as share_committed,
    case when counted.n_known_gated > 0 then counted.n_gated / counted.n_known_gated end as share_gated,
    partial_types.repo_type is not null as is_suspect
from counted
full outer join gone on counted.repo_type = gone.repo_type and counted.created_month = gone.created_month
left join partial_types on coalesce(counted.repo_type, gone.repo_type) = partial_types.repo_type
where coalesce(counted.created_month, gone.created_month) is not null
