with

participations as (
    select * from {{ ref('int_hub__participations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- if no commit has an avatar, the source did not record avatars, so a missing avatar is no evidence
observed as (
    select coalesce(bool_or(has_avatar), false) as are_avatars
    from participations
),

-- opening a discussion requires an account
strings as (
    select
        author,
        min(struct_pack(seen_date := first_seen_date, seen_at := first_seen_at)) as first_seen,
        bool_or(coalesce(has_avatar, false) or is_starter) as is_linked
    from participations
    group by author
),

contributions as (
    select
        author,
        cast(sum(n_commits) as bigint) as n_commits,
        cast(sum(n_first_commits) as bigint) as n_first_commits,
        count(*) as n_repos
    from {{ ref('int_hub__contributions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by author
),

discussions as (
    select author, cast(sum(n_discussions) as bigint) as n_discussions
    from {{ ref('int_hub__discussion_starters') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by author
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    strings.author,
    strings.first_seen.seen_date as first_seen_date,
    strings.first_seen.seen_at as first_seen_at,
    case when strings.is_linked or observed.are_avatars then strings.is_linked end as is_linked,
    coalesce(contributions.n_commits, 0) as n_commits,
    coalesce(contributions.n_first_commits, 0) as n_first_commits,
    coalesce(contributions.n_repos, 0) as n_repos,
    coalesce(discussions.n_discussions, 0) as n_discussions
from strings
cross join observed
left join contributions on strings.author = contributions.author
left join discussions on strings.author = discussions.author
