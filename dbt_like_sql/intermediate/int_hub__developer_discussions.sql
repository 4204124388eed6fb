with

starters as (
    select
        snapshot_date, repo_type, repo_key, author, n_discussions, n_pull_requests, first_discussion_at,
        last_discussion_at
    from {{ ref('int_hub__discussion_starters') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

developers as (
    select author, developer_id, is_bot, is_generic
    from {{ source('core', 'developers') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a generic name is a separate developer in each repository
named as (
    select
        starters.*,
        case
            when developers.is_generic then concat(developers.developer_id, '-', starters.repo_key)
            else developers.developer_id
        end as developer_id
    from starters
    left join developers on starters.author = developers.author
    where not coalesce(developers.is_bot, false)
)

select
    snapshot_date,
    repo_type,
    repo_key,
    developer_id,
    cast(sum(n_discussions) as bigint) as n_discussions,
    cast(sum(n_pull_requests) as bigint) as n_pull_requests,
    min(first_discussion_at) as first_discussion_at,
    max(last_discussion_at) as last_discussion_at
from named
group by snapshot_date, repo_type, repo_key, developer_id
