with

histories as (
    select snapshot_date, repo_type, repo_key, history_version
    from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and outcome in ('ok', 'not_modified')
),

-- fetches of the current version: the full fetch and the incremental ones after it
version_fetches as (
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
),

-- commits whose authors have deleted their accounts count here too
dates as (
    select
        version_fetches.snapshot_date,
        version_fetches.repo_type,
        version_fetches.repo_key,
        unnest(list_transform(pages.commits, lambda item: cast(item.date as date))) as commit_date -- noqa: RF01
    from {{ ref('stg_hub__commits') }} as pages
    inner join version_fetches
        on pages.snapshot_date = version_fetches.asked_date
        and pages.repo_type = version_fetches.repo_type
        and pages.repo_key = version_fetches.repo_key
        and pages.fetch_number = version_fetches.fetch_number
)

select snapshot_date, repo_type, repo_key, commit_date, count(*) as n_commits
from dates
group by snapshot_date, repo_type, repo_key, commit_date
