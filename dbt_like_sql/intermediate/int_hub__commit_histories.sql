with

repositories as (
    select snapshot_date, repo_type, repo_key, sha, is_archived
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
    from {{ ref('stg_hub__commits') }}
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
        fetches.listed_sha, fetches.n_total, fetches.sample_share,
        fetches.fetch_number = latest.last_fetch as is_latest,
        fetches.fetch_number = latest.latest_version as is_latest_version
    from {{ ref('stg_hub__commits') }} as fetches
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

-- the last page of a fetch holds the authoritative history version
latest_versions as (
    select * from fetches
    where is_latest_version
),

-- fetches of the current version: the full fetch and the incremental ones after it
version_fetches as (
    select fetches.snapshot_date as asked_date, fetches.repo_type, fetches.repo_key, fetches.fetch_number
    from {{ ref('stg_hub__commits') }} as fetches
    inner join latest_versions
        on fetches.repo_type = latest_versions.repo_type
        and fetches.repo_key = latest_versions.repo_key
        and fetches.history_version = latest_versions.history_version
    where fetches.snapshot_date <= date '{{ var('snapshot_date') }}' and fetches.is_last and fetches.outcome = 'ok'
),

-- an interrupted fetch may share its number with a fetch from another week, so fetches are joined on the week too
counts as (
    select pages.repo_type, pages.repo_key, cast(sum(len(pages.commits)) as bigint) as n_commits
    from {{ ref('stg_hub__commits') }} as pages
    inner join version_fetches
        on pages.snapshot_date = version_fetches.asked_date
        and pages.repo_type = version_fetches.repo_type
        and pages.repo_key = version_fetches.repo_key
        and pages.fetch_number = version_fetches.fetch_number
    group by pages.repo_type, pages.repo_key
),

-- unfinished fetches made calls too
calls as (
    select
        repo_type,
        repo_key,
        cast(sum(n_calls) as bigint) as n_calls,
        cast(sum(n_attempts) as bigint) as n_attempts
    from {{ ref('stg_hub__commits') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by repo_type, repo_key
),

-- an earlier fetch is still valid if the listed head commit is unchanged; a week from an archive has no histories, even
-- for repositories that were fetched in another week
standing as (
    select
        repositories.snapshot_date,
        repositories.repo_type,
        repositories.repo_key,
        repositories.is_archived,
        case
            when last_fetches.outcome is null then 'not_asked'
            when last_fetches.outcome <> 'ok' then last_fetches.outcome
            when last_fetches.asked_date = repositories.snapshot_date then 'ok'
            when last_fetches.listed_sha = repositories.sha then 'not_modified'
            when
                coalesce(last_fetches.listed_sha, repositories.sha) is null and last_fetches.n_total = 0
                then 'not_modified'
            else 'not_asked'
        end as outcome,
        last_fetches.outcome as last_outcome,
        last_fetches.status,
        last_fetches.error_code,
        last_fetches.message,
        last_fetches.observed_at as asked_at,
        last_fetches.asked_date,
        last_fetches.final_id,
        last_fetches.sample_share
    from repositories
    left join last_fetches
        on repositories.repo_type = last_fetches.repo_type
        and repositories.repo_key = last_fetches.repo_key
        and not repositories.is_archived
)

select
    standing.snapshot_date,
    standing.repo_type,
    standing.repo_key,
    standing.outcome,
    standing.status,
    standing.error_code,
    standing.message,
    standing.asked_at,
    standing.asked_date,
    standing.final_id,
    standing.sample_share,
    latest_versions.asked_date as version_date,
    latest_versions.observed_at as version_at,
    latest_versions.fetch_number as version_fetch,
    latest_versions.history_version,
    case
        when standing.outcome in ('ok', 'not_modified') then 0
        when standing.last_outcome = 'ok'
            then greatest(date_diff('day', cast(latest_versions.observed_at as date), standing.snapshot_date), 0)
    end as age_days,
    latest_versions.n_total,
    case when standing.outcome in ('ok', 'not_modified') then coalesce(counts.n_commits, 0) end as n_commits,
    case
        when standing.outcome in ('ok', 'not_modified') then coalesce(counts.n_commits, 0) >= latest_versions.n_total
    end
        as is_complete,
    coalesce(calls.n_calls, 0) as n_calls,
    coalesce(calls.n_attempts, 0) as n_attempts
from standing
left join latest_versions
    on standing.repo_type = latest_versions.repo_type
    and standing.repo_key = latest_versions.repo_key
    and not standing.is_archived
left join counts
    on standing.repo_type = counts.repo_type
    and standing.repo_key = counts.repo_key
left join calls
    on standing.repo_type = calls.repo_type
    and standing.repo_key = calls.repo_key
