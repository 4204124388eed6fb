with

version_fetches as (
    select * from {{ ref('int_hub__commit_fetches') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
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
