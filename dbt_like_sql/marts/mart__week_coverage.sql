with

repo_types as (
    select 'model' as repo_type
    union all
    select 'dataset' as repo_type
    union all
    select 'space' as repo_type
),

listed as (
    select 'model' as repo_type, observed_at, is_archived
    from {{ ref('stg_hub__models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'dataset' as repo_type, observed_at, is_archived
    from {{ ref('stg_hub__datasets') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'space' as repo_type, observed_at, is_archived
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

counts as (
    select
        repo_type,
        bool_or(is_archived) as is_archived,
        count(*) as n_listed,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at
    from listed
    group by repo_type
),

uploads as (
    select * from {{ ref('stg_archive__uploads') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

-- a listing of our own enters the lake only when it is complete
select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    repo_types.repo_type,
    case when counts.is_archived then uploads.archive when counts.n_listed > 0 then 'hub' end as source,
    case when counts.is_archived then uploads.repo_id end as archive_repo_id,
    case when counts.is_archived then uploads.revision end as revision,
    case when counts.is_archived then uploads.license end as license,
    case
        when counts.is_archived then uploads.status
        when counts.n_listed > 0 then 'complete'
        else 'missing'
    end as status,
    case
        when counts.is_archived then uploads.reason
        when counts.n_listed > 0 then null
        else coalesce(uploads.reason, 'not listed')
    end as reason,
    coalesce(counts.n_listed, 0) as n_listed,
    counts.first_observed_at,
    counts.last_observed_at
from repo_types
left join counts on repo_types.repo_type = counts.repo_type
left join uploads on repo_types.repo_type = uploads.repo_type
order by repo_types.repo_type
