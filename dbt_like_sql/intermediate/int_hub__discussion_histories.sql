with

repositories as (
    select snapshot_date, repo_type, repo_key
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
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date <= {{ var('snapshot_date') }} and is_last
    group by repo_type, repo_key
),

visits as (
    select
        visits.snapshot_date as asked_date, visits.repo_type, visits.repo_key, visits.visit, visits.reading,
        visits.observed_at, visits.outcome, visits.status, visits.error_code, visits.message, visits.final_id,
        visits.n_total, visits.sample_share,
        visits.visit = latest.last_visit as is_latest,
        visits.visit = latest.last_read as is_last_read
    from {{ ref('stg_hub__discussions') }} as visits
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

-- every visit reads all there is, so that the last one that read anything is what is known
last_reads as (
    select * from visits where is_last_read
),

-- a visit that was cut off leaves its number to another week's: the week belongs to what tells visits apart
items as (
    select pages.repo_type, pages.repo_key, unnest(pages.discussions) as item
    from {{ ref('stg_hub__discussions') }} as pages
    inner join last_reads
        on pages.snapshot_date = last_reads.asked_date
        and pages.repo_type = last_reads.repo_type
        and pages.repo_key = last_reads.repo_key
        and pages.visit = last_reads.visit
),

counts as (
    select repo_type, repo_key, count(distinct item.num) as n_discussions
    from items
    group by repo_type, repo_key
),

-- calls were made whether their visit ended or not
calls as (
    select
        repo_type,
        repo_key,
        cast(sum(n_calls) as bigint) as n_calls,
        cast(sum(n_attempts) as bigint) as n_attempts
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by repo_type, repo_key
)

-- no listing says that discussions changed, so that those of an earlier week stand until they are read again
select
    repositories.snapshot_date,
    repositories.repo_type,
    repositories.repo_key,
    coalesce(last_visits.outcome, 'not_asked') as outcome,
    last_visits.status,
    last_visits.error_code,
    last_visits.message,
    last_visits.observed_at as asked_at,
    last_visits.asked_date,
    last_visits.final_id,
    last_visits.sample_share,
    last_reads.asked_date as read_date,
    last_reads.observed_at as read_at,
    last_reads.visit as read_visit,
    last_reads.reading,
    case
        when last_visits.outcome = 'ok'
            then greatest(date_diff('day', cast(last_reads.observed_at as date), repositories.snapshot_date), 0)
    end as age_days,
    last_reads.n_total,
    case when last_visits.outcome = 'ok' then coalesce(counts.n_discussions, 0) end as n_discussions,
    case when last_visits.outcome = 'ok' then coalesce(counts.n_discussions, 0) >= last_reads.n_total end as is_complete,
    coalesce(calls.n_calls, 0) as n_calls,
    coalesce(calls.n_attempts, 0) as n_attempts
from repositories
left join last_visits
    on repositories.repo_type = last_visits.repo_type
    and repositories.repo_key = last_visits.repo_key
left join last_reads
    on repositories.repo_type = last_reads.repo_type
    and repositories.repo_key = last_reads.repo_key
left join counts
    on repositories.repo_type = counts.repo_type
    and repositories.repo_key = counts.repo_key
left join calls
    on repositories.repo_type = calls.repo_type
    and repositories.repo_key = calls.repo_key
