"""What is known of author strings in one week, side by side in an in-memory database for pairs to be found in.

Nothing is concluded here but whether a string is an account.
"""

from typing import Final

import duckdb
import pyarrow as pa

from hub_assets.identities.names import FEATURES, TOKEN
from hub_assets.identities.surnames import COMMON, RARE
from hub_assets.vocabulary import HANDLE

NO_ACCOUNTS: Final = pa.schema(
    [
        ("snapshot_date", pa.date32()),
        ("author", pa.string()),
        ("outcome", pa.string()),
        ("account_key", pa.string()),
        ("account_type", pa.string()),
        ("name", pa.string()),
        ("fullname", pa.string()),
        ("organizations", pa.list_(pa.struct([("account_key", pa.string()), ("name", pa.string())]))),
    ]
).empty_table()
"""What is known of accounts when nobody was asked."""


class Facts:
    """Tables `authors`, `features`, `full_names`, `participations`, `presences`, `memberships`, `degrees` and others.

    Bots are kept out of all but `authors`.

    Args:
        authors: `author`, `is_linked` (null where not known) and `n_commits`.
        participations: `repo_type`, `repo_key`, `repo_id`, `namespace`, `author`, `is_committer`, `is_first_author` and
            `active_weeks`; a row per repository and string that committed to it or opened a discussion in it.
        trailers: `name` and `handle` that stand together in a `Co-authored-by`.
        bots: author strings of programs.
        generic: names that many bear, however they are spelt.
        accounts: all answers so far, as `enrich_hub__accounts` has them.
    """

    def __init__(
        self,
        authors: pa.Table,
        participations: pa.Table,
        trailers: pa.Table,
        bots: pa.Array,
        generic: pa.Array,
        accounts: pa.Table = NO_ACCOUNTS,
    ) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("set enable_progress_bar = false")
        for name, table in (
            ("all_authors", authors),
            ("all_participations", participations),
            ("all_trailers", trailers),
            ("bots", pa.table({"author": bots.cast(pa.string())})),
            ("generic", pa.table({"name": generic.cast(pa.string())})),
            ("answers", accounts),
            ("common_surnames", pa.table({"surname": sorted(COMMON)})),
        ):
            self._connection.register(name, table)
        for statement in _TABLES:
            self._connection.execute(statement)

    def __enter__(self) -> "Facts":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        """Execute a statement."""
        self._connection.execute(statement)

    def register(self, name: str, table: pa.Table) -> None:
        """Make a table known by a name."""
        self._connection.register(name, table)

    def ask(self, select: str) -> pa.Table:
        """Return the rows of a SELECT."""
        return self._connection.sql(select).to_arrow_table()


_SEPARATED: Final = r"[\p{L}\p{N}][^\p{L}\p{M}\p{N}\p{Cf}]+[\p{L}\p{N}]"
"""What a name of several words looks like."""

_TABLES: Final = (
    # an answer in vain does not take back an earlier one; a source without accounts answers `not_asked`
    """
    create temp table last_answers as
    select author, outcome, account_key, account_type, name, nullif(trim(fullname), '') as full_name, organizations
    from answers
    where outcome in ('ok', 'gone')
    qualify row_number() over (partition by author order by snapshot_date desc) = 1
    """,
    # the Hub leads from another spelling, and from an old name, to an account: a name that git was told is not that
    # account for it. And a handle that was two accounts' changed hands, and says nothing of who bore it
    """
    create temp table same_accounts as
    select answers.author, min(answers.account_key) as account_key
    from answers inner join all_authors on answers.author = all_authors.author
    where answers.outcome = 'ok' and answers.account_key is not null
        and (answers.name = answers.author or all_authors.is_linked)
        and all_authors.is_linked is not false
    group by answers.author
    having count(distinct answers.account_key) = 1
    """,
    """
    create temp table handles as
    select namespace as author from all_participations where namespace is not null
    union
    select handle from all_trailers
    """,
    # handles are unique regardless of case: beside one that is known, a name that is spelt otherwise is no account
    f"""
    create temp table respelt as
    with
    known as (
        select author as handle from all_authors where is_linked
        union
        select namespace from all_participations where namespace is not null
        union
        select name from last_answers where outcome = 'ok' and name is not null
    )
    select author
    from all_authors
    where is_linked is false and regexp_full_match(author, '{HANDLE}')
        and lower(author) in (select lower(handle) from known)
        and author not in (select handle from known)
    """,
    f"""
    create temp table all_features as
    with names as (
        select author as name from all_authors
        union
        select full_name from last_answers where full_name is not null
        union
        select name from generic
    )
    {FEATURES}
    """,
    # names that identify nobody: placeholders, and names without a letter or digit. The separators in a placeholder do
    # not count, but `Na Me` is not `name`; the shortest placeholders must be spelled exactly
    f"""
    create temp table nobody as
    with
    placeholders as (
        select
            all_features.normal,
            bool_or(regexp_matches(all_features.name, '{_SEPARATED}')) as is_separated
        from all_features inner join generic on all_features.name = generic.name
        where length(all_features.normal) >= 3
        group by all_features.normal
    )
    select all_features.name
    from all_features
    left join placeholders on all_features.normal = placeholders.normal
    where (all_features.normal = '' and not starts_with(all_features.name, '{TOKEN}'))
        or lower(trim(all_features.name)) in (select lower(trim(name)) from generic)
        or placeholders.is_separated
        or (not placeholders.is_separated and not regexp_matches(all_features.name, '{_SEPARATED}'))
    """,
    # that no account is shown beside commits is no proof that there is none, and one that is found under a name for
    # which none is shown need not be theirs; under another spelling it is not
    f"""
    create temp table authors as
    select
        all_authors.author,
        all_authors.n_commits,
        case
            when not regexp_full_match(all_authors.author, '{HANDLE}') then false
            when all_authors.is_linked and coalesce(last_answers.outcome, 'ok') = 'ok' then true
            when respelt.author is not null then false
            when all_authors.is_linked is null and last_answers.name = all_authors.author then true
            when all_authors.is_linked is not true and last_answers.outcome = 'gone' then false
            when all_authors.is_linked is false and last_answers.name <> all_authors.author then false
        end as is_account,
        case
            when all_authors.is_linked or (all_authors.is_linked is null and last_answers.name = all_authors.author)
                then last_answers.account_key
        end as account_key,
        -- whose it is if it is an account's: joining two of these is left to people
        case
            when same_accounts.account_key is not null then same_accounts.account_key
            when is_account is false then null
            when all_authors.is_linked or handles.author is not null then all_authors.author
        end as account,
        case when is_account is not false then last_answers.account_type = 'org' end as is_organization,
        -- one that only repeats the handle says nothing
        case
            when full_names.normal = spelt.normal and not contains(last_answers.full_name, ' ') then null
            when last_answers.full_name in (select name from nobody) then null
            when is_account or (is_account is null and last_answers.name = all_authors.author)
                then last_answers.full_name
        end as full_name,
        all_authors.is_linked,
        bots.author is not null as is_bot,
        nobody.name is not null and all_authors.is_linked is not true as is_generic
    from all_authors
    left join last_answers on all_authors.author = last_answers.author
    left join same_accounts on all_authors.author = same_accounts.author
    left join handles on all_authors.author = handles.author
    left join bots on all_authors.author = bots.author
    left join respelt on all_authors.author = respelt.author
    left join nobody on all_authors.author = nobody.name
    inner join all_features as spelt on all_authors.author = spelt.name
    left join all_features as full_names on last_answers.full_name = full_names.name
    """,
    "create temp table features as from all_features where name in (select author from authors where not is_bot)",
    "create temp table full_names as from all_features where name in (select full_name from authors where not is_bot)",
    # a name may begin with its surname, too
    f"""
    create temp table rare_surnames as
    with
    named as (
        select first, last from features where len(words) > 1
        union
        select first, last from full_names where len(words) > 1
    ),
    either as (
        select last as surname, first as given from named
        union
        select first, last from named
    )
    select surname
    from either
    where surname not in (select surname from common_surnames)
    group by surname
    having count(distinct case when length(given) > 1 then given end) <= {RARE}
    """,
    """
    create temp table participations as
    select
        all_participations.repo_type,
        all_participations.repo_id,
        concat(all_participations.repo_type, '/', all_participations.repo_key) as repo,
        coalesce(all_participations.namespace, repo) as namespace,
        all_participations.author,
        all_participations.is_committer,
        all_participations.is_first_author,
        all_participations.active_weeks
    from all_participations
    inner join authors on all_participations.author = authors.author
    where not authors.is_bot
    """,
    "create temp table presences as select distinct namespace, author from participations",
    """
    create temp table memberships as
    select distinct last_answers.author, unnest(last_answers.organizations).name as organization
    from last_answers
    inner join authors on last_answers.author = authors.author
    where authors.is_account
    """,
    """
    create temp table trailers as
    select distinct all_trailers.name, all_trailers.handle
    from (
        select all_trailers.name, authors.author as handle
        from all_trailers
        inner join authors
            on lower(all_trailers.handle) = lower(authors.author)
            and (all_trailers.handle = authors.author or authors.is_linked)
    ) as all_trailers
    inner join features as names on all_trailers.name = names.name
    inner join features as handles on all_trailers.handle = handles.name
    """,
    # the study's network of author strings: an edge from who made a commit to all others of a model repository
    """
    create temp table edges as
    select distinct sources.author as source, targets.author as target
    from participations as sources
    inner join participations as targets on sources.repo = targets.repo
    where sources.repo_type = 'model' and sources.is_first_author and targets.is_committer
        and sources.author <> targets.author
    """,
    """
    create temp table degrees as
    select author, count(*) as degree
    from (select source as author from edges union all select target from edges)
    group by author
    """,
)
