with

-- the most recent earlier week, which may be more than seven days back if weeks are missing
earlier as (
    select max(snapshot_date) as previous_date
    from {{ ref('int_hub__repositories') }}
    where snapshot_date < date '{{ var('snapshot_date') }}'
),

present as (
    select * from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

previous as (
    select repositories.*
    from {{ ref('int_hub__repositories') }} as repositories
    inner join earlier on repositories.snapshot_date = earlier.previous_date
),

-- a type that was not listed in both weeks has no changes
compared_types as (
    select repo_type from present
    intersect
    select repo_type from previous
),

paired as (
    select
        coalesce(present.repo_type, previous.repo_type) as repo_type,
        coalesce(present.repo_key, previous.repo_key) as repo_key,
        present.repo_id,
        previous.repo_id as previous_repo_id,
        present.namespace,
        previous.namespace as previous_namespace,
        present.created_at,
        present.repo_key is not null as is_listed,
        previous.repo_key is not null as was_listed,
        present.is_gated,
        previous.is_gated as was_gated,
        present.is_disabled,
        previous.is_disabled as was_disabled,
        coalesce(present.n_likes, previous.n_likes) as n_likes,
        coalesce(present.n_downloads, previous.n_downloads) as n_downloads
    from present
    full outer join previous
        on present.repo_type = previous.repo_type
        and present.repo_key = previous.repo_key
),

changes as (
    select
        paired.*,
        case when cast(paired.created_at as date) >= earlier.previous_date then 'new' else 'returned' end as change
    from paired
    cross join earlier
    where not paired.was_listed
    union all
    select *, 'gone' as change from paired
    where not is_listed
    union all
    select *, 'moved' as change from paired
    where namespace is distinct from previous_namespace and is_listed and was_listed
    union all
    select *, 'renamed' as change from paired
    where repo_id <> previous_repo_id and namespace is not distinct from previous_namespace
    union all
    select *, 'gated' as change from paired
    where is_gated and not was_gated
    union all
    select *, 'ungated' as change from paired
    where not is_gated and was_gated
    union all
    select *, 'disabled' as change from paired
    where is_disabled and not was_disabled
    union all
    select *, 'enabled' as change from paired
    where not is_disabled and was_disabled
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    changes.repo_type,
    changes.repo_key,
    changes.change,
    earlier.previous_date,
    coalesce(changes.repo_id, changes.previous_repo_id) as repo_id,
    changes.previous_repo_id,
    case when changes.is_listed then changes.namespace else changes.previous_namespace end as namespace,
    changes.previous_namespace,
    changes.n_likes,
    changes.n_downloads
from changes
cross join earlier
inner join compared_types on changes.repo_type = compared_types.repo_type
