"""In-memory database of facts about one week's author strings, which the other modules query.

The only conclusion drawn here is whether a string is an account.
"""

from typing import Final

import pyarrow as pa

from hub_assets.identities.names import FEATURES, TOKEN
from hub_assets.identities.sql import query
from hub_assets.identities.surnames import COMMON, RARE
from hub_assets.scratch import scratch
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
"""Empty accounts table, for a home that has never looked up accounts on the Hub."""


class Facts:
    """Tables `authors`, `features`, `full_names`, `participations`, `presences`, `memberships`, `degrees` and others.

    Only `authors` contains bots.

    Args:
        authors: `author`, `is_linked` (null if unknown) and `n_commits`.
        participations: `repo_type`, `repo_key`, `repo_id`, `namespace`, `author`, `is_committer`, `is_first_author` and
            `active_weeks`; one row per repository and string that committed to it or opened a discussion in it.
        trailers: `name` and `handle` from the same `Co-authored-by` trailer.
        bots: author strings of programs.
        generic: names that identify nobody, in any spelling.
        accounts: all answers so far, with the columns of `enrich_hub__accounts`.
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
        self._connection = scratch()
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
        """Make a table available to queries under a name."""
        self._connection.register(name, table)

    def ask(self, select: str) -> pa.Table:
        """Return the rows of a SELECT."""
        return self._connection.sql(select).to_arrow_table()


_SEPARATED: Final = r"[\p{L}\p{N}][^\p{L}\p{M}\p{N}\p{Cf}]+[\p{L}\p{N}]"
"""Pattern of a name that consists of several words."""

_VALUES: Final = {
    "handle": HANDLE,
    "name_features": FEATURES,
    "token": TOKEN,
    "separated": _SEPARATED,
    "rare": RARE,
}
_TABLES: Final = (
    "last_answers",
    "same_accounts",
    "handles",
    "respelled",
    "all_features",
    "placeholder_names",
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
"""Queries stored as temporary tables, in this order because later ones read earlier ones."""
