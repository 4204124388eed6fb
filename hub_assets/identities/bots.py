"""Detection of programs among author strings, with the reason for each. This module does not exclude them from results.

A seed lists known programs; rules find others by a word in their names. If only the last letters of a name suggest a
program, the name is merely proposed for the seed, where a person records the answer.
"""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.identities.sql import query
from hub_assets.scratch import scratch

RULES: Final = (
    (r"\[bot\]$", "its name ends in [bot]"),
    (r"^(\S*[-_.])?bot$", "its name ends in bot"),
    (r"\sbot$", "its last word is bot"),
    (r"^\S+[-_.](ci|cicd)$", "its name ends in CI"),
)
"""Regular expressions for lower-case names, each with a reason; the first match counts.

`bot` must be a separate word, because `talbot` is not a program. The seed lists exceptions such as `SFconvertbot`.
"""
HINTS: Final = (
    (r"^\S*(?i:bot)$", "its name ends in the letters bot"),
    (r"(\s|\p{Ll})(CI|CI/?CD)$", "its name ends in CI"),
)
"""Regular expressions for names that may be programs, each with the reason for the suspicion."""


def find_bots(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Find the programs among author strings.

    Args:
        authors: distinct author strings.
        seed: `name` (case and word separators are ignored), `kind` (`bot`, `ci`, or `person`, which exempts the name)
            and `reason`. A listed program is also recognized with `CI` or `bot` appended to its name.

    Returns:
        `author` and `reason`, one row per program.
    """
    return _judged(authors, seed).filter(pc.is_valid(pc.field("reason"))).select(["author", "reason"])


def propose_bots(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Find author strings that may be programs, so that a person can record the answer in the seed.

    Args:
        authors: distinct author strings.
        seed: as for `find_bots`.

    Returns:
        `author` and `bot_hint`, one row per suspected program that neither the seed nor a rule has settled.
    """
    is_open = pc.is_null(pc.field("reason")) & pc.is_valid(pc.field("bot_hint"))
    return _judged(authors, seed).filter(is_open).select(["author", "bot_hint"])


def _judged(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Return `author`, `reason` (null unless it is a program) and `bot_hint`, without names that the seed exempts."""

    def first_of(patterns: tuple[tuple[str, str], ...], name: str) -> str:
        matches = " ".join(f"when regexp_matches({name}, '{pattern}') then '{reason}'" for pattern, reason in patterns)
        return f"case {matches} end"

    separated = "regexp_replace(lower(trim({})), '[-_.\\s]+', '-', 'g')"
    select = query(
        "judged_authors",
        separated_name=separated.format("name"),
        separated_author=separated.format("author"),
        reasons=first_of(RULES, "lower(named.author)"),
        hints=first_of(HINTS, "named.author"),
    )
    with scratch() as connection:
        connection.register("authors", pa.table({"author": authors}))
        connection.register("seed", seed)
        return connection.sql(select).to_arrow_table()
