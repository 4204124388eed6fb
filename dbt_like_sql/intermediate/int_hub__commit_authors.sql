with

version_fetches as (
    select * from {{ ref('int_hub__commit_fetches') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

commits as (
    select
        version_fetches.snapshot_date,
        version_fetches.repo_type,
        version_fetches.repo_key,
        pages.fetch_number,
        pages.page,
        generate_subscripts(pages.commits, 1) as place, unnest(pages.commits) as item
    from {{ ref('stg_hub__commits') }} as pages
    inner join version_fetches
        on pages.snapshot_date = version_fetches.asked_date
        and pages.repo_type = version_fetches.repo_type
        and pages.repo_key = version_fetches.repo_key
        and pages.fetch_number = version_fetches.fetch_number
),

numbered as (
    select
        snapshot_date,
        repo_type,
        repo_key,
        row_number() over (partition by repo_type, repo_key order by fetch_number, page, place) as commit_number,
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

-- count an author once even if named twice; authors with deleted accounts are null
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
