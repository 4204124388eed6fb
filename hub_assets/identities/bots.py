"""Which author strings are programs, and why. What a program did, and where it is left out, does not belong here.

A seed names those that are known; rules find others by their names. The seed can exempt a person whose name looks like
a program's.
"""

from typing import Final

import duckdb
import pyarrow as pa

RULES: Final = (
    (r"\[bot\]$", "its name ends in [bot]"),
    (r"^\S*bot$", "its name ends in bot"),
    (r"\sbot$", "its last word is bot"),
    (r"^\S+[-_.](ci|cicd)$", "its name ends in CI"),
)
"""Regular expressions on the name in lower case, with what is said of who matches; the first that matches counts.

`bot` need not be a word of its own in a handle (`SFconvertbot`); after a first name it must be one (`Jane Talbot`).
"""


def find_bots(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Find the programs among author strings.

    Args:
        authors: distinct author strings.
        seed: `name` (however cased), `kind` (`bot`, `ci`, or `person`: exempt) and `why`.

    Returns:
        `author` and `why`, one row per program.
    """
    matches = " ".join(
        f"when regexp_matches(lower(authors.author), '{pattern}') then '{reason}'" for pattern, reason in RULES
    )
    with duckdb.connect() as connection:
        connection.register("authors", pa.table({"author": authors}))
        connection.register("seed", seed)
        return connection.sql(f"""
            with
            listed as (
                select authors.author, bool_or(seed.kind = 'person') as is_person, min(seed.why) as why
                from authors inner join seed on lower(authors.author) = lower(seed.name)
                group by authors.author
            ),
            found as (
                select
                    authors.author,
                    coalesce(listed.is_person, false) as is_person,
                    coalesce(listed.why, case {matches} end) as why
                from authors left join listed on authors.author = listed.author
            )
            select author, why from found
            where not is_person and why is not null
            order by author
        """).to_arrow_table()
