with

repositories as (
    select snapshot_date, repo_type, repo_key, is_archived
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a fetch counts only if its last page has arrived. Find the fetch numbers first and join the other columns afterward,
-- because carrying these columns through the grouping costs far more
latest as (
    select
        repo_type,
        repo_key,
        max(fetch_number) as last_fetch,
        max(case when outcome = 'ok' then fetch_number end) as latest_version
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and is_last
    group by repo_type, repo_key
),

fetches as (
    select
        fetches.snapshot_date as asked_date,
        fetches.repo_type,
        fetches.repo_key,
        fetches.fetch_number,
        fetches.history_version,
        fetches.observed_at, fetches.outcome, fetches.status, fetches.error_code, fetches.message, fetches.final_id,
        fetches.n_total, fetches.sample_share,
        fetches.fetch_number = latest.last_fetch as is_latest,
        fetches.fetch_number = latest.latest_version as is_latest_version
    from {{ ref('stg_hub__discussions') }} as fetches
    inner join latest
        on fetches.repo_type = latest.repo_type
        and fetches.repo_key = latest.repo_key
    where
        fetches.snapshot_date <= date '{{ var('snapshot_date') }}' and fetches.is_last
        and (fetches.fetch_number = latest.last_fetch or fetches.fetch_number = latest.latest_version)
),

last_fetches as (
    select * from fetches
    where is_latest
),

-- every fetch reads the full history, so the last successful fetch is the current version
latest_versions as (
    select * from fetches
    where is_latest_version
),

-- an interrupted fetch may share its number with a fetch from another week, so fetches are joined on the week too
items as (
    select pages.repo_type, pages.repo_key, unnest(pages.discussions) as item
    from {{ ref('stg_hub__discussions') }} as pages
    inner join latest_versions
        on pages.snapshot_date = latest_versions.asked_date
        and pages.repo_type = latest_versions.repo_type
        and pages.repo_key = latest_versions.repo_key
        and pages.fetch_number = latest_versions.fetch_number
),

counts as (
    select repo_type, repo_key, count(distinct item.num) as n_discussions
    from items
    group by repo_type, repo_key
),

-- unfinished fetches made calls too
calls as (
    select
        repo_type,
        repo_key,
        cast(sum(n_calls) as bigint) as n_calls,
        cast(sum(n_attempts) as bigint) as n_attempts
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by repo_type, repo_key
)

-- listings carry no change marker for discussions, so a history remains valid until the next fetch; a week from an
-- archive has no histories, even for repositories that were fetched in another week
select
    repositories.snapshot_date,
    repositories.repo_type,
    repositories.repo_key,
    coalesce(last_fetches.outcome, 'not_asked') as outcome,
    last_fetches.status,
    last_fetches.error_code,
    last_fetches.message,
    last_fetches.observed_at as asked_at,
    last_fetches.asked_date,
    last_fetches.final_id,
    last_fetches.sample_share,
    latest_versions.asked_date as version_date,
    latest_versions.observed_at as version_at,
    latest_versions.fetch_number as version_fetch,
    latest_versions.history_version,
    case
        when last_fetches.outcome = 'ok'
            then greatest(date_diff('day', cast(latest_versions.observed_at as date), repositories.snapshot_date), 0)
    end as age_days,
    latest_versions.n_total,
    case when last_fetches.outcome = 'ok' then coalesce(counts.n_discussions, 0) end as n_discussions,
    case when last_fetches.outcome = 'ok' then coalesce(counts.n_discussions, 0) >= latest_versions.n_total end
        as is_complete,
    coalesce(calls.n_calls, 0) as n_calls,
    coalesce(calls.n_attempts, 0) as n_attempts
from repositories
left join last_fetches
    on repositories.repo_type = last_fetches.repo_type
    and repositories.repo_key = last_fetches.repo_key
    and not repositories.is_archived
left join latest_versions
    on repositories.repo_type = latest_versions.repo_type
    and repositories.repo_key = latest_versions.repo_key
    and not repositories.is_archived
left join counts
    on repositories.repo_type = counts.repo_type
    and repositories.repo_key = counts.repo_key
left join calls
    on repositories.repo_type = calls.repo_type
    and repositories.repo_key = calls.repo_key
