with

-- everybody who was ever seen, also in what is gone by now: who is who is remembered
pages as (
    select snapshot_date, unnest(commits) as item
    from {{ ref('stg_hub__commits') }}
    where snapshot_date <= {{ var('snapshot_date') }}
),

committed as (
    select snapshot_date, item.date as seen_at, unnest(item.authors) as named
    from pages
),

talks as (
    select snapshot_date, unnest(discussions) as item
    from {{ ref('stg_hub__discussions') }}
    where snapshot_date <= {{ var('snapshot_date') }}
),

-- whoever starts a discussion is logged in
seen as (
    select named."user" as author, snapshot_date, seen_at, named.has_avatar as is_linked
    from committed
    union all
    select item.author as author, snapshot_date, item.created_at as seen_at, true as is_linked
    from talks
),

-- where no commit at all has an avatar, none was recorded, and that one is missing tells nothing
observed as (
    select coalesce(bool_or(named.has_avatar), false) as are_avatars
    from committed
),

strings as (
    select
        author,
        min(snapshot_date) as first_seen_date,
        min(seen_at) as first_active_at,
        bool_or(is_linked) as is_linked
    from seen
    where author is not null
    group by author
),

contributions as (
    select
        author,
        cast(sum(n_commits) as bigint) as n_commits,
        cast(sum(n_first_commits) as bigint) as n_first_commits,
        count(*) as n_repos
    from {{ ref('int_hub__contributions') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by author
),

discussions as (
    select author, cast(sum(n_discussions) as bigint) as n_discussions
    from {{ ref('int_hub__discussion_starters') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by author
)

select
    {{ var('snapshot_date') }} as snapshot_date,
    strings.author,
    strings.first_seen_date,
    strings.first_active_at,
    case when strings.is_linked or observed.are_avatars then strings.is_linked end as is_linked,
    coalesce(contributions.n_commits, 0) as n_commits,
    coalesce(contributions.n_first_commits, 0) as n_first_commits,
    coalesce(contributions.n_repos, 0) as n_repos,
    coalesce(discussions.n_discussions, 0) as n_discussions
from strings
cross join observed
left join contributions on strings.author = contributions.author
left join discussions on strings.author = discussions.author
