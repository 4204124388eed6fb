"""What is known of author strings in one week, side by side in an in-memory database for pairs to be found in.

Nothing is concluded here but whether a string is an account.
"""

from typing import Final

import duckdb
import pyarrow as pa

from hub_assets.identities.names import FEATURES, TOKEN
from hub_assets.identities.sql import query
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
        for table in _TABLES:
            self._connection.execute(f"create temp table {table} as {query(table, **_VALUES)}")

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

_VALUES: Final = {"handle": HANDLE, "features": FEATURES, "token": TOKEN, "separated": _SEPARATED, "rare": RARE}
_TABLES: Final = (
    "last_answers",
    "same_accounts",
    "handles",
    "respelt",
    "all_features",
    "nobody",
    "authors",
    "features",
    "full_names",
    "rare_surnames",
    "participations",
    "presences",
    "memberships",
    "trailers",
    "edges",
    "degrees",
)
"""Queries whose rows become temporary tables, in this order, because later ones read earlier ones."""
