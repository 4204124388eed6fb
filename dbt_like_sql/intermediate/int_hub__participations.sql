with

-- read all fetches so far, including those of repositories that no longer exist, because identities persist
commit_pages as (
    select snapshot_date, repo_type, repo_key, repo_id, unnest(commits) as item
    from {{ ref('stg_hub__commits') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
),

commit_authors as (
    select
        snapshot_date,
        repo_type,
        repo_key,
        repo_id,
        item.date as seen_at,
        generate_subscripts(item.authors, 1) as place,
        unnest(item.authors) as named
    from commit_pages
),

discussion_pages as (
    select snapshot_date, repo_type, repo_key, repo_id, unnest(discussions) as item
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
),

seen as (
    select
        snapshot_date, repo_type, repo_key, repo_id, seen_at, named."user" as author, named.has_avatar as has_avatar,
        place, cast(date_trunc('week', seen_at) as date) as active_week
    from commit_authors
    union all
    select
        snapshot_date, repo_type, repo_key, repo_id, item.created_at as seen_at, item.author as author,
        cast(null as boolean) as has_avatar, cast(null as bigint) as place, cast(null as date) as active_week
    from discussion_pages
),

-- later sightings do not change the first-seen date
grouped as (
    select
        repo_type,
        repo_key,
        author,
        arg_max(repo_id, snapshot_date) as repo_id,
        min(struct_pack(seen_date := snapshot_date, seen_at := seen_at)) as first_seen,
        bool_or(place is not null) as is_committer,
        bool_or(coalesce(place = 1, false)) as is_first_author,
        bool_or(place is null) as is_starter,
        bool_or(has_avatar) as has_avatar,
        list_sort(list(distinct active_week)) as active_weeks
    from seen
    where author is not null
    group by repo_type, repo_key, author
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    repo_type,
    repo_key,
    repo_id,
    case when repo_id like '%/%' then split_part(repo_id, '/', 1) end as namespace,
    author,
    first_seen.seen_date as first_seen_date,
    first_seen.seen_at as first_seen_at,
    is_committer,
    is_first_author,
    is_starter,
    has_avatar,
    list_filter(active_weeks, lambda week: week is not null) as active_weeks
from grouped
