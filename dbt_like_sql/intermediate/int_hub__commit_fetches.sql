with

histories as (
    select snapshot_date, repo_type, repo_key, history_version
    from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and outcome in ('ok', 'not_modified')
)

-- the full fetch of the current version and the incremental ones after it
select
    histories.snapshot_date,
    fetches.snapshot_date as asked_date,
    fetches.repo_type,
    fetches.repo_key,
    fetches.fetch_number
from {{ ref('stg_hub__commits') }} as fetches
inner join histories
    on fetches.repo_type = histories.repo_type
    and fetches.repo_key = histories.repo_key
    and fetches.history_version = histories.history_version
where fetches.snapshot_date <= date '{{ var('snapshot_date') }}' and fetches.is_last and fetches.outcome = 'ok'
