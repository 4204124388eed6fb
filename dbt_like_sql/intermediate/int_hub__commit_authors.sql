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
        reading_visits.snapshot_date, reading_visits.repo_type, reading_visits.repo_key, pages.visit, pages.page,
        generate_subscripts(pages.commits, 1) as place, unnest(pages.commits) as item
    from {{ ref('stg_hub__commits') }} as pages
    inner join reading_visits
        on pages.snapshot_date = reading_visits.asked_date
        and pages.repo_type = reading_visits.repo_type
        and pages.repo_key = reading_visits.repo_key
        and pages.visit = reading_visits.visit
),

numbered as (
    select
        snapshot_date,
        repo_type,
        repo_key,
        row_number() over (partition by repo_type, repo_key order by visit, page, place) as commit_number,
        item
    from commits
),

named as (
    select
        snapshot_date,
        repo_type,
        repo_key,
        commit_number,
        item.date as committed_at,
        coalesce(starts_with(item.title, 'Duplicate from '), false) as is_duplicate,
        generate_subscripts(item.authors, 1) as place,
        unnest(item.authors)."user" as author
    from numbered
)

-- an author who is named twice made the commit once; one whose account was deleted is null
select
    snapshot_date,
    repo_type,
    repo_key,
    commit_number,
    committed_at,
    is_duplicate,
    author,
    min(place) as place
from named
where author is not null
group by snapshot_date, repo_type, repo_key, commit_number, committed_at, is_duplicate, author
