with

histories as (
    select snapshot_date, repo_type, repo_key, reading
    from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = {{ var('snapshot_date') }} and outcome in ('ok', 'not_modified')
),

-- the visits of the current reading: the one that got all there was, and those that added to it
reading_visits as (
    select
        histories.snapshot_date, visits.snapshot_date as asked_date, visits.repo_type, visits.repo_key, visits.visit
    from {{ ref('stg_hub__commits') }} as visits
    inner join histories
        on visits.repo_type = histories.repo_type
        and visits.repo_key = histories.repo_key
        and visits.reading = histories.reading
    where visits.snapshot_date <= {{ var('snapshot_date') }} and visits.is_last and visits.outcome = 'ok'
),

commits as (
    select
        reading_visits.snapshot_date, reading_visits.repo_type, reading_visits.repo_key, unnest(pages.commits) as item
    from {{ ref('stg_hub__commits') }} as pages
    inner join reading_visits
        on pages.snapshot_date = reading_visits.asked_date
        and pages.repo_type = reading_visits.repo_type
        and pages.repo_key = reading_visits.repo_key
        and pages.visit = reading_visits.visit
),

-- an author who is named twice made the commit once; one whose account was deleted is null
named as (
    select
        snapshot_date,
        repo_type,
        repo_key,
        item.date as committed_at,
        item.authors[1]."user" as first_author,
        unnest(list_distinct(list_transform(item.authors, lambda one: one."user"))) as author
    from commits
)

select
    snapshot_date,
    repo_type,
    repo_key,
    author,
    count(*) as n_commits,
    count(case when author = first_author then 1 end) as n_first_commits,
    min(committed_at) as first_commit_at,
    max(committed_at) as last_commit_at
from named
where author is not null
group by snapshot_date, repo_type, repo_key, author
