"""What is known of each pair that could be one person, and how much of it speaks for it and against it.

What is not known is null and makes no term. The points are weights of evidence in the manner of record linkage (Fellegi
and Sunter 1969): rough logarithms of how much more often something is seen of one person than of two, set by hand. They
order the review; `rules` decides by the evidence itself.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.facts import Facts
from hub_assets.identities.names import relation, similarity_of

TERMS: Final[dict[str, tuple[float, str]]] = {
    "same_account": (10, "is_same_account"),
    "trailer": (6, "has_trailer"),
    "same_full_name": (5, "full_name_relation in ('same', 'permuted')"),
    "like_full_name": (3, "full_name_relation in ('initial', 'abbreviated', 'contained', 'similar')"),
    "same_name": (4, "name_relation = 'same'"),
    "permuted_name": (4, "name_relation = 'permuted'"),
    "initial_name": (3, "name_relation = 'initial'"),
    "abbreviated_name": (1, "name_relation = 'abbreviated'"),
    "contained_name": (2, "name_relation = 'contained'"),
    "similar_name": (2, "name_relation = 'similar'"),
    "shared_repository": (2, "n_shared_repos > 0"),
    "shared_weeks": (1, "n_shared_weeks > 0"),
    "own_repository": (3, "n_owned_repos > 0"),
    "shared_namespace": (1, "n_shared_namespaces > 0 and n_shared_repos = 0"),
    "same_organization": (1, "is_same_organization"),
    "no_account": (1, "is_account_a is false or is_account_b is false"),
    "one_word": (-1, "n_words = 1"),
    "numbered_name": (-3, "name_relation = 'numbered'"),
    "other_full_name": (-5, "full_name_relation = 'contradicts'"),
    "two_accounts": (-6, "is_account_a and is_account_b and not coalesce(is_same_account, false)"),
    "organization": (-8, "is_organization"),
    "generic_name": (-8, "is_generic"),
}
"""Each term's points and when it applies. Counts above zero make no new term, so that evidence changes seldom."""

_IS_INITIAL: Final = "(len({0}.words) = 2 and length({0}.first) = 1)"
# a handle that ends in the initial may be made of the first name, of somebody whose surname goes first
_IS_RARE: Final = (
    "(len({0}.words) < 2 or ("
    "{0}.last in (select surname from rare_surnames) and {1}.normal <> concat({0}.last, {0}.initial)))"
)
_CLOSEST: Final = ("same", "permuted", "initial", "similar", "contained", "abbreviated")


def weigh(facts: Facts, pairs: pa.Table) -> pa.Table:
    """Return the evidence on each pair, with its terms and score.

    Args:
        facts: of the week.
        pairs: `author_a`, `author_b`, `generators`.

    Returns:
        The columns of `schemas.DEVELOPER_PAIRS` from `author_a` to `evidence`, and those that only the rules need:
        `n_words` of the name that has more of them; `n_full_words` of the closest full names; `is_spaced`, whether a
        name has a space; `is_common_initial`, whether only an initial and a surname that is not rare agree;
        `is_numbered_owner`, whether one commits to repositories of the other, whose name is the same plus a number.
    """
    facts.register("pairs", pairs)
    facts.run("create or replace temp table asked as select row_number() over () as pair, * from pairs")
    facts.register("name_relations", _name_relations(facts))
    facts.register("related", _compare_names(facts, "asked"))
    facts.register("full_name_relations", _full_name_relations(facts))
    facts.register("initials", _initials(facts))
    terms = ", ".join(
        f"case when {condition} then {{'term': '{term}', 'points': {float(points)}::double}} end"
        for term, (points, condition) in TERMS.items()
    )
    return facts.ask(f"""
        with
        -- each pair from both ends
        sides as (
            select pair, author_a as author, author_b as other from asked
            union all
            select pair, author_b, author_a from asked
        ),
        commits as (
            select author, repo, repo_type, repo_id, namespace, active_weeks from participations where is_committer
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
            select pair, count(*) as n_repos from shared_repos group by pair
        ),
        shared_weeks as (
            select pair, count(distinct week) as n_weeks from meetings group by pair
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
            select pair, count(*) as n_repos from owned_repos group by pair
        ),
        -- unless there is an account without the number, too
        numbered_owners as (
            select distinct owned_repos.pair
            from owned_repos
            inner join features as names on owned_repos.author = names.name
            inner join features as owners on owned_repos.owner = owners.name
            where names.digits = '' and length(names.normal) >= 3 and names.normal = owners.stem
                and names.normal not in (
                    select features.normal
                    from authors inner join features on authors.author = features.name
                    where authors.is_account
                )
        ),
        examples as (
            select pair, list(repo_id order by place, repo_id)[1:3] as repos
            from (
                select pair, repo_id, min(place) as place
                from (
                    select pair, repo_id, 1 as place from owned_repos
                    union all
                    select pair, repo_id, 2 from shared_repos
                )
                group by pair, repo_id
            )
            group by pair
        ),
        -- the organization of one, where the other committed or which it shares
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
            select *, list_filter([{terms}], lambda one: one is not null) as terms
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
    """)


def _name_relations(facts: Facts) -> pa.Table:
    """Return `pair`, `similarity`, `relation`, and `n_words` of the name that has more of them."""
    normals = facts.ask("""
        select asked.pair, a.normal as one, b.normal as other
        from asked
        inner join features as a on asked.author_a = a.name
        inner join features as b on asked.author_b = b.name
    """)
    facts.register("similarities", _with_similarity(normals))
    return facts.ask(f"""
        select
            asked.pair,
            similarity,
            {relation("a", "b", "similarity")} as relation,
            greatest(len(a.words), len(b.words)) as n_words
        from asked
        inner join similarities on asked.pair = similarities.pair
        inner join features as a on asked.author_a = a.name
        inner join features as b on asked.author_b = b.name
    """)


def _full_name_relations(facts: Facts) -> pa.Table:
    """Return `pair`, `relation` and `n_words`: of full name and name, name and full name, and both, the nearest."""
    closest = ", ".join(f"'{name}'" for name in _CLOSEST)
    return facts.ask(f"""
        with ranked as (
            select
                pair,
                min(list_position([{closest}], relation)) as place,
                arg_min(n_words, (coalesce(list_position([{closest}], relation), 99), -n_words)) as n_words,
                bool_or(are_real) as are_real
            from related
            where is_full
            group by pair
        )
        select
            pair,
            case
                when place is not null then [{closest}][place]
                when are_real then 'contradicts'
                else 'none'
            end as relation,
            n_words
        from ranked
    """)


def _initials(facts: Facts) -> pa.Table:
    """Return `pair` and `is_common`: whether an initial and a surname that is not rare are all that agrees."""
    return facts.ask("""
        select
            pair,
            bool_or(is_initial and not is_rare)
            and not bool_or(relation in ('same', 'permuted') and not is_initial) as is_common
        from related
        group by pair
    """)


def contradictions(facts: Facts, pairs: pa.Table) -> pa.Table:
    """Return those of some pairs (`author_a`, `author_b`) that have names of several words, none of them alike.

    Such a name is a full name that an account shows, or an author string with spaces.
    """
    facts.register("pairs", pairs)
    facts.run("create or replace temp table held as select row_number() over () as pair, * from pairs")
    facts.register("related", _compare_names(facts, "held"))
    return facts.ask("""
        select any_value(held.author_a) as author_a, any_value(held.author_b) as author_b
        from held inner join related on held.pair = related.pair
        where related.are_real
        group by held.pair
        having bool_and(related.relation in ('none', 'numbered'))
    """)


def _compare_names(facts: Facts, pairs: str) -> pa.Table:
    """Compare each name of one string of a pair, its own and the account's full name, with each of the other's.

    Returns:
        `pair`, `relation`, `n_words` of the one that has more, `is_full` (one of them is a full name), `are_real` (both
        are names of several words), `is_initial` (only the initial of the first name agrees) and `is_rare` (so is each
        surname, where a surname follows its initial).
    """
    facts.run(f"""
        create or replace temp table comparisons as
        with
        strings as (
            select pair, 'a' as side, author_a as author from {pairs}
            union all
            select pair, 'b', author_b from {pairs}
        ),
        called as (
            select pair, side, contains(features.name, ' ') as is_real, false as is_full, features.*
            from strings inner join features on strings.author = features.name
            union all
            select pair, side, true, true, full_names.*
            from strings
            inner join authors on strings.author = authors.author
            inner join full_names on authors.full_name = full_names.name
        )
        select row_number() over () as comparison, one.pair, one as one, other as other
        from called as one
        inner join called as other on one.pair = other.pair and one.side = 'a' and other.side = 'b'
    """)
    normals = facts.ask("select comparison as pair, one.normal as one, other.normal as other from comparisons")
    facts.register("compared_names", _with_similarity(normals))
    return facts.ask(f"""
        select
            comparisons.pair,
            {relation("comparisons.one", "comparisons.other", "compared_names.similarity")} as relation,
            relation = 'initial' or (
                relation in ('same', 'permuted')
                and ({_IS_INITIAL.format("one")} or {_IS_INITIAL.format("other")})
            ) as is_initial,
            {_IS_RARE.format("one", "other")} and {_IS_RARE.format("other", "one")} as is_rare,
            one.is_full or other.is_full as is_full,
            greatest(len(one.words), len(other.words)) as n_words,
            one.is_real and other.is_real and len(one.words) > 1 and len(other.words) > 1 as are_real
        from comparisons
        inner join compared_names on comparisons.comparison = compared_names.pair
    """)


def _with_similarity(normals: pa.Table) -> pa.Table:
    """Return `pair` and `similarity`, given `pair`, `one` and `other`."""
    some, others = (normals[name].combine_chunks() for name in ("one", "other"))
    return pa.table({"pair": normals["pair"], "similarity": similarity_of(some, others)})
