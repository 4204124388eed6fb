"""What is known of author strings in one week, side by side in an in-memory database for pairs to be found in.

Nothing is concluded here but whether a string is an account.
"""

from typing import Any, Final

import duckdb
import pyarrow as pa

from hub_assets.identities.names import FEATURES, HANDLE

NO_ACCOUNTS: Final = pa.schema(
    [
        ("snapshot_date", pa.date32()),
        ("author", pa.string()),
        ("outcome", pa.string()),
        ("account_key", pa.string()),
        ("account_type", pa.string()),
        ("fullname", pa.string()),
        ("organizations", pa.list_(pa.struct([("account_key", pa.string()), ("name", pa.string())]))),
    ]
).empty_table()
"""What is known of accounts when nobody was asked."""


class Facts:
    """Tables `authors`, `features`, `contributions`, `memberships`, `same_accounts` and `trailers`.

    Bots are kept out of all but `authors`.

    Args:
        authors: `author`, `is_linked` (null where not known) and `n_commits`.
        contributions: `repo_type`, `repo_key`, `namespace`, `author`, `n_commits`, `n_first_commits` and
            `active_weeks`; a row per repository and string, with 0 commits for one that only opened discussions.
        trailers: `name` and `handle` that stand together in a `Co-authored-by`.
        bots: author strings of programs.
        generic: names that many bear, in lower case.
        accounts: all answers so far, as `raw_hub__accounts` has them.
    """

    def __init__(
        self,
        authors: pa.Table,
        contributions: pa.Table,
        trailers: pa.Table,
        bots: pa.Array,
        generic: pa.Array,
        accounts: pa.Table = NO_ACCOUNTS,
    ) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("set enable_progress_bar = false")
        for name, table in (
            ("all_authors", authors),
            ("all_contributions", contributions),
            ("all_trailers", trailers),
            ("bots", pa.table({"author": bots.cast(pa.string())})),
            ("generic", pa.table({"name": generic.cast(pa.string())})),
            ("answers", accounts),
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

    def count(self, select: str) -> Any:
        """Return the only value of a SELECT."""
        ((value,),) = self._connection.execute(select).fetchall()
        return value


_TABLES: Final = (
    # an answer in vain does not take back an earlier one; a source without accounts answers `not_asked`
    """
    create temp table last_answers as
    select
        author,
        arg_max(outcome, snapshot_date) as outcome,
        arg_max(account_key, snapshot_date) as account_key,
        arg_max(account_type, snapshot_date) as account_type,
        arg_max(nullif(trim(fullname), ''), snapshot_date) as full_name,
        arg_max(organizations, snapshot_date) as organizations
    from (select * replace (coalesce(account_key, '') as account_key, coalesce(fullname, '') as fullname) from answers)
    where outcome in ('ok', 'gone')
    group by author
    """,
    # a handle that led to two accounts changed hands, and says nothing of who bore it
    """
    create temp table same_accounts as
    select author, min(account_key) as account_key
    from answers
    where outcome = 'ok' and account_key is not null
    group by author
    having count(distinct account_key) = 1
    """,
    # an account is shown beside commits, or found under the string; where the two disagree it is not known
    f"""
    create temp table authors as
    select
        all_authors.author,
        all_authors.n_commits,
        case
            when not regexp_full_match(all_authors.author, '{HANDLE}') then false
            when last_answers.outcome = 'ok' and all_authors.is_linked is not false then true
            when last_answers.outcome = 'gone' and all_authors.is_linked is not true then false
            when last_answers.outcome is null then all_authors.is_linked
        end as is_account,
        nullif(last_answers.account_key, '') as account_key,
        last_answers.account_type,
        case when is_account is not false then last_answers.full_name end as full_name,
        bots.author is not null as is_bot,
        generic.name is not null as is_generic
    from all_authors
    left join last_answers on all_authors.author = last_answers.author
    left join bots on all_authors.author = bots.author
    left join generic on lower(trim(all_authors.author)) = generic.name
    """,
    f"""
    create temp table features as
    with names as (select author as name from authors where not is_bot)
    {FEATURES}
    """,
    f"""
    create temp table full_names as
    with names as (select distinct full_name as name from authors where full_name is not null and not is_bot)
    {FEATURES}
    """,
    """
    create temp table contributions as
    select
        all_contributions.repo_type,
        concat(all_contributions.repo_type, '/', all_contributions.repo_key) as repo,
        coalesce(all_contributions.namespace, repo) as namespace,
        all_contributions.author,
        all_contributions.n_commits,
        all_contributions.n_first_commits,
        all_contributions.active_weeks
    from all_contributions
    inner join authors on all_contributions.author = authors.author
    where not authors.is_bot
    """,
    "create temp table presences as select distinct namespace, author from contributions",
    """
    create temp table memberships as
    select distinct last_answers.author, unnest(last_answers.organizations).name as organization
    from last_answers
    inner join authors on last_answers.author = authors.author
    where authors.is_account is not false
    """,
    """
    create temp table trailers as
    select distinct all_trailers.name, all_trailers.handle
    from all_trailers
    inner join features as names on all_trailers.name = names.name
    inner join features as handles on all_trailers.handle = handles.name
    """,
    # the study's network of author strings: an edge from who made a commit to all others of a model repository
    """
    create temp table edges as
    select distinct sources.author as source, targets.author as target
    from contributions as sources
    inner join contributions as targets on sources.repo = targets.repo
    where sources.repo_type = 'model' and sources.n_first_commits > 0 and targets.n_commits > 0
        and sources.author <> targets.author
    """,
    """
    create temp table degrees as
    select author, count(*) as degree
    from (select source as author from edges union all select target from edges)
    group by author
    """,
)
