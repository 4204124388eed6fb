with
-- each pair in both directions
sides as (
    select pair, author_a as author, author_b as other from asked
    union all
    select pair, author_b, author_a from asked
),

commits as (
    select author, repo, repo_type, repo_id, namespace, active_weeks from participations
    where is_committer
),

meetings as (
    select asked.pair, unnest(list_intersect(one.active_weeks, other.active_weeks)) as week
    from asked
    inner join commits as one on asked.author_a = one.author
    inner join commits as other on asked.author_b = other.author and one.repo = other.repo
),

shared_repos as (
    select asked.pair, one.repo, one.repo_id
    from asked
    inner join commits as one on asked.author_a = one.author
    inner join commits as other on asked.author_b = other.author and one.repo = other.repo
),

shared as (
    select pair, count(*) as n_repos from shared_repos
    group by pair
),

shared_weeks as (
    select pair, count(distinct week) as n_weeks from meetings
    group by pair
),

namespaces as (
    select asked.pair, count(*) as n_namespaces
    from asked
    inner join presences as one on asked.author_a = one.author
    inner join presences as other on asked.author_b = other.author and one.namespace = other.namespace
    group by asked.pair
),

owned_repos as (
    select sides.pair, sides.author, sides.other as owner, commits.repo, commits.repo_id
    from sides inner join commits on sides.author = commits.author and sides.other = commits.namespace
),

owned as (
    select pair, count(*) as n_repos from owned_repos
    group by pair
),

-- a match does not count if the name without the number is an account as well
numbered_owners as (
    select distinct owned_repos.pair
    from owned_repos
    inner join features as names on owned_repos.author = names.name
    inner join features as owners on owned_repos.owner = owners.name
    where
        names.digits = '' and length(names.normal) >= 3 and names.normal = owners.stem
        and names.normal not in (
            select features.normal
            from authors inner join features on authors.author = features.name
            where authors.is_account
        )
),

common_repos as (
    select pair, repo_id, 1 as place from owned_repos
    union all
    select pair, repo_id, 2 from shared_repos
),

ranked_repos as (
    select pair, repo_id, min(place) as place from common_repos
    group by pair, repo_id
),

examples as (
    select pair, list(repo_id order by place, repo_id)[1:3] as repos from ranked_repos
    group by pair
),

-- one string belongs to an organization in which the other committed, opened a discussion or is a member
places as (
    select author, organization from memberships
    union
    select author, namespace from presences
),

organizations as (
    select distinct sides.pair
    from sides
    inner join memberships on sides.author = memberships.author
    inner join places on sides.other = places.author and memberships.organization = places.organization
),

trailed as (
    select distinct sides.pair
    from sides inner join trailers on sides.author = trailers.name and sides.other = trailers.handle
),

known as (
    select
        asked.*,
        name_relations.similarity,
        name_relations.relation as name_relation,
        a.full_name as full_name_a,
        b.full_name as full_name_b,
        full_name_relations.relation as full_name_relation,
        a.is_account as is_account_a,
        b.is_account as is_account_b,
        a.is_generic or b.is_generic as is_generic,
        a.is_organization or b.is_organization as is_organization,
        -- handles are unique regardless of case
        case
            when a.is_linked and b.is_linked and lower(a.author) = lower(b.author)
                then coalesce(one.account_key = other.account_key, true)
            else one.account_key = other.account_key
        end as is_same_account,
        case
            when organizations.pair is not null then true
            when a.account_key is not null or b.account_key is not null then false
        end as is_same_organization,
        trailed.pair is not null as has_trailer,
        coalesce(shared.n_repos, 0) as n_shared_repos,
        coalesce(shared_weeks.n_weeks, 0) as n_shared_weeks,
        coalesce(owned.n_repos, 0) as n_owned_repos,
        coalesce(namespaces.n_namespaces, 0) as n_shared_namespaces,
        coalesce(examples.repos, []) as repos,
        a.n_commits as n_commits_a,
        b.n_commits as n_commits_b,
        coalesce(degrees_a.degree, 0) as degree_a,
        coalesce(degrees_b.degree, 0) as degree_b,
        name_relations.n_words,
        coalesce(full_name_relations.n_words, 0) as n_full_words,
        contains(asked.author_a, ' ') or contains(asked.author_b, ' ') as is_spaced,
        coalesce(initials.is_common, false) as is_common_initial,
        numbered_owners.pair is not null as is_numbered_owner
    from asked
    inner join name_relations on asked.pair = name_relations.pair
    inner join authors as a on asked.author_a = a.author
    inner join authors as b on asked.author_b = b.author
    left join full_name_relations on asked.pair = full_name_relations.pair
    left join initials on asked.pair = initials.pair
    left join numbered_owners on asked.pair = numbered_owners.pair
    left join same_accounts as one on asked.author_a = one.author
    left join same_accounts as other on asked.author_b = other.author
    left join shared on asked.pair = shared.pair
    left join shared_weeks on asked.pair = shared_weeks.pair
    left join namespaces on asked.pair = namespaces.pair
    left join owned on asked.pair = owned.pair
    left join organizations on asked.pair = organizations.pair
    left join trailed on asked.pair = trailed.pair
    left join examples on asked.pair = examples.pair
    left join degrees as degrees_a on asked.author_a = degrees_a.author
    left join degrees as degrees_b on asked.author_b = degrees_b.author
),

weighed as (
    select *, list_filter([{{ terms }}], lambda one: one is not null) as terms
    from known
)

select
    author_a, author_b, generators, similarity, name_relation, full_name_a, full_name_b, full_name_relation,
    is_account_a, is_account_b, is_generic, is_organization, is_same_account, is_same_organization, has_trailer,
    n_shared_repos, n_shared_weeks, n_owned_repos, n_shared_namespaces, repos, n_commits_a, n_commits_b,
    degree_a, degree_b, n_words, n_full_words, is_spaced, is_common_initial, is_numbered_owner,
    coalesce(list_sum(list_transform(terms, lambda one: one.points)), 0) as score,
    terms,
    case
        when len(terms) = 0 then 'nothing'
        else array_to_string(list_transform(terms, lambda one: one.term), ';')
    end as evidence
from weighed
order by pair
