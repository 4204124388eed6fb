"""Which author strings are programs, and why. What a program did, and where it is left out, does not belong here.

A seed lists the programs that are known; rules find others by a word of their names. Where only the letters at the end
of a name look like a program's, nothing is decided: the name is proposed, and the seed can say which it is.
"""

from typing import Final

import duckdb
import pyarrow as pa

RULES: Final = (
    (r"\[bot\]$", "its name ends in [bot]"),
    (r"^(\S*[-_.])?bot$", "its name ends in bot"),
    (r"\sbot$", "its last word is bot"),
    (r"^\S+[-_.](ci|cicd)$", "its name ends in CI"),
)
"""Regular expressions on the name in lower case, with the reason they give; the first that matches counts.

`bot` must be a word of its own: `SFconvertbot` is a program, but `talbot` is not.
"""
HINTS: Final = (
    (r"^\S*(?i:bot)$", "its name ends in the letters bot"),
    (r"(\s|\p{Ll})(CI|CI/?CD)$", "its name ends in CI"),
)
"""Regular expressions on the name, with the reason to ask whether it is a program."""


def find_bots(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Find the programs among author strings.

    Args:
        authors: distinct author strings.
        seed: `name` (regardless of case, and of what separates its words), `kind` (`bot`, `ci`, or `person`: exempt)
            and `reason`. A listed program is also known with `CI` or `bot` after its name.

    Returns:
        `author` and `reason`, one row per program.
    """
    return _judged(authors, seed, "reason is not null")


def propose_bots(authors: pa.Array, seed: pa.Table) -> pa.Table:
    """Find author strings that could be programs, for somebody to decide in the seed.

    Args:
        authors: distinct author strings.
        seed: as `find_bots` takes it.

    Returns:
        `author` and `bot_hint`, one row per string that is neither known nor found to be a program.
    """
    return _judged(authors, seed, "reason is null and bot_hint is not null", "bot_hint")


def _judged(authors: pa.Array, seed: pa.Table, condition: str, column: str = "reason") -> pa.Table:
    def first_of(patterns: tuple[tuple[str, str], ...], name: str) -> str:
        matches = " ".join(f"when regexp_matches({name}, '{pattern}') then '{reason}'" for pattern, reason in patterns)
        return f"case {matches} end"

    separated = "regexp_replace(lower(trim({})), '[-_.\\s]+', '-', 'g')"
    with duckdb.connect() as connection:
        connection.register("authors", pa.table({"author": authors}))
        connection.register("seed", seed)
        return connection.sql(f"""
            with
            known as (
                select kind, reason, {separated.format("name")} as name, lower(name) as exact from seed
            ),
            named as (
                select
                    author,
                    {separated.format("author")} as name,
                    regexp_replace(name, '-(ci|ci/?cd|bot)$', '') as stem
                from authors
            ),
            listed as (
                select named.author, min(known.reason) as reason
                from named inner join known on known.name in (named.name, named.stem)
                where known.kind <> 'person'
                group by named.author
            ),
            judged as (
                select
                    named.author,
                    lower(named.author) in (select exact from known where kind = 'person') as is_person,
                    coalesce(listed.reason, {first_of(RULES, "lower(named.author)")}) as reason,
                    {first_of(HINTS, "named.author")} as bot_hint
                from named left join listed on named.author = listed.author
            )
            select author, {column} from judged
            where not is_person and {condition}
            order by author
        """).to_arrow_table()
