with

histories as (
    select snapshot_date, repo_type, repo_key, version_date, version_fetch
    from {{ ref('int_hub__discussion_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and outcome = 'ok'
),

items as (
    select histories.snapshot_date, histories.repo_type, histories.repo_key, unnest(pages.discussions) as item
    from {{ ref('stg_hub__discussions') }} as pages
    inner join histories
        on pages.snapshot_date = histories.version_date
        and pages.repo_type = histories.repo_type
        and pages.repo_key = histories.repo_key
        and pages.fetch_number = histories.version_fetch
),

-- count a discussion once even if it appears on two pages; deleted accounts leave no author
discussions as (
    select
        snapshot_date, repo_type, repo_key, item.author as author, item.num as num,
        bool_or(item.is_pull_request) as is_pull_request,
        min(item.created_at) as opened_at
    from items
    where item.author is not null and item.num is not null
    group by snapshot_date, repo_type, repo_key, item.author, item.num
)

select
    snapshot_date,
    repo_type,
    repo_key,
    author,
    count(*) as n_discussions,
    count(case when is_pull_request then 1 end) as n_pull_requests,
    min(opened_at) as first_discussion_at,
    max(opened_at) as last_discussion_at
from discussions
group by snapshot_date, repo_type, repo_key, author
