with

repositories as (
    select snapshot_date, repo_type, repo_key, sha
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

-- a visit counts once its last page came. First the numbers, then what stands at them: carrying all of it through the
-- grouping costs far more
latest as (
    select
        repo_type,
        repo_key,
        max(visit) as last_visit,
        max(case when outcome = 'ok' then visit end) as last_read
    from {{ ref('stg_hub__commits') }}
    where snapshot_date <= {{ var('snapshot_date') }} and is_last
    group by repo_type, repo_key
),

visits as (
    select
        visits.snapshot_date as asked_date, visits.repo_type, visits.repo_key, visits.visit, visits.reading,
        visits.observed_at, visits.outcome, visits.status, visits.error_code, visits.message, visits.final_id,
        visits.listed_sha, visits.n_total, visits.sample_share,
        visits.visit = latest.last_visit as is_latest,
        visits.visit = latest.last_read as is_last_read
    from {{ ref('stg_hub__commits') }} as visits
    inner join latest
        on visits.repo_type = latest.repo_type
        and visits.repo_key = latest.repo_key
    where
        visits.snapshot_date <= {{ var('snapshot_date') }} and visits.is_last
        and (visits.visit = latest.last_visit or visits.visit = latest.last_read)
),

last_visits as (
    select * from visits where is_latest
),

-- the reading that a visit belongs to is the one on its last page
last_reads as (
    select * from visits where is_last_read
),

-- what is known: the visit that got all there was, and those that added to it
reading_visits as (
    select visits.snapshot_date as asked_date, visits.repo_type, visits.repo_key, visits.visit
    from {{ ref('stg_hub__commits') }} as visits
    inner join last_reads
        on visits.repo_type = last_reads.repo_type
        and visits.repo_key = last_reads.repo_key
        and visits.reading = last_reads.reading
    where visits.snapshot_date <= {{ var('snapshot_date') }} and visits.is_last and visits.outcome = 'ok'
),

-- a visit that was cut off leaves its number to another week's: the week belongs to what tells visits apart
counts as (
    select pages.repo_type, pages.repo_key, cast(sum(len(pages.commits)) as bigint) as n_commits
    from {{ ref('stg_hub__commits') }} as pages
    inner join reading_visits
        on pages.snapshot_date = reading_visits.asked_date
        and pages.repo_type = reading_visits.repo_type
        and pages.repo_key = reading_visits.repo_key
        and pages.visit = reading_visits.visit
    group by pages.repo_type, pages.repo_key
),

-- calls were made whether their visit ended or not
calls as (
    select
        repo_type,
        repo_key,
        cast(sum(n_calls) as bigint) as n_calls,
        cast(sum(n_attempts) as bigint) as n_attempts
    from {{ ref('stg_hub__commits') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by repo_type, repo_key
),

-- what was read still holds where the listing names the head that it named then
standing as (
    select
        repositories.snapshot_date,
        repositories.repo_type,
        repositories.repo_key,
        case
            when last_visits.outcome is null then 'not_asked'
            when last_visits.outcome <> 'ok' then last_visits.outcome
            when last_visits.asked_date = repositories.snapshot_date then 'ok'
            when last_visits.listed_sha = repositories.sha then 'not_modified'
            when coalesce(last_visits.listed_sha, repositories.sha) is null and last_visits.n_total = 0 then 'not_modified'
            else 'not_asked'
        end as outcome,
        last_visits.outcome as last_outcome,
        last_visits.status,
        last_visits.error_code,
        last_visits.message,
        last_visits.observed_at as asked_at,
        last_visits.asked_date,
        last_visits.final_id,
        last_visits.sample_share
    from repositories
    left join last_visits
        on repositories.repo_type = last_visits.repo_type
        and repositories.repo_key = last_visits.repo_key
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
    last_reads.asked_date as read_date,
    last_reads.observed_at as read_at,
    last_reads.visit as read_visit,
    last_reads.reading,
    case
        when standing.outcome in ('ok', 'not_modified') then 0
        when standing.last_outcome = 'ok'
            then greatest(date_diff('day', cast(last_reads.observed_at as date), standing.snapshot_date), 0)
    end as age_days,
    last_reads.n_total,
    case when standing.outcome in ('ok', 'not_modified') then coalesce(counts.n_commits, 0) end as n_commits,
    case when standing.outcome in ('ok', 'not_modified') then coalesce(counts.n_commits, 0) >= last_reads.n_total end
        as is_complete,
    coalesce(calls.n_calls, 0) as n_calls,
    coalesce(calls.n_attempts, 0) as n_attempts
from standing
left join last_reads
    on standing.repo_type = last_reads.repo_type
    and standing.repo_key = last_reads.repo_key
left join counts
    on standing.repo_type = counts.repo_type
    and standing.repo_key = counts.repo_key
left join calls
    on standing.repo_type = calls.repo_type
    and standing.repo_key = calls.repo_key
