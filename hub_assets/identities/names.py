"""What can be said of names alone: their normal form, their words, how alike two are, and how one spells the other.

Whether two names that are alike are one person is not decided here.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

ALIKE: Final = 0.9
"""From which similarity on two names are alike: the study's threshold."""
PAIRS: Final = 1_000_000
"""Pairs compared at a time: 200 MB of names."""
ROWS: Final = 200
"""Names compared with all others at a time: 200 x 100,000 similarities of one byte are 20 MB."""

TOKEN: Final = "address:"
"""How the token of an e-mail address begins that stands where git was given one as a name. Nothing is read from it."""
_TITLES: Final = "mr|mrs|ms|mx|dr|prof|professor|sir|herr|frau|mme|mlle|sra|srta"
_DEGREES: Final = "phd|ph[. ]+d|msc|m[. ]+sc|bsc|mba|jr|esq"
_UNSEEN: Final = (
    r"[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2139}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}"
    r"\x{E0100}-\x{E01EF}]"
)
"""Characters that Unicode counts among letters and marks, though they show nothing, or an emoji."""

FEATURES: Final = f"""
    select
        name, plain, normal, stem, letters, digits, words, first, last, initial,
        -- `Yara Winter`, `Ruo Liu`, `Ludwig van Winter`: `yaraw`, `rliu`, `liur`, `wyara`, `lvanwinter`, `ludwigvw`
        case
            when len(words) > 1 and length(first) > 1 and digits = '' then [
                concat(first, last[1]),
                concat(initial, last),
                concat(last, initial),
                concat(last[1], first),
                concat(initial, array_to_string(words[2:], '')),
                concat(first, array_to_string(list_transform(words[2:], lambda word: word[1]), ''))
            ]
            else cast([] as varchar[])
        end as abbreviations
    from (
        select
            *,
            regexp_replace(normal, '\\p{{N}}+$', '') as stem,
            regexp_replace(normal, '\\p{{N}}', '', 'g') as letters,
            regexp_replace(normal, '[^\\p{{N}}]', '', 'g') as digits,
            words[1] as first,
            words[len(words)] as last,
            words[1][1] as initial
        from (
            select
                name,
                plain,
                -- some letters have two small forms
                regexp_replace(
                    replace(replace(lower(plain), 'ß', 'ss'), 'ς', chr(963)), '[^\\p{{L}}\\p{{M}}\\p{{N}}]', '', 'g'
                ) as normal,
                regexp_extract_all(
                    regexp_replace(
                        regexp_replace(
                            lower(regexp_replace(plain, '(\\p{{Ll}})(\\p{{Lu}})', '\\1 \\2', 'g')),
                            '^[-_. ]*(({_TITLES})[-_. ]+)+', ''
                        ),
                        '([-_,. ]+({_DEGREES})[. ]*)+$', ''
                    ),
                    '[\\p{{L}}\\p{{M}}]+'
                ) as words
            from (
                select
                    name,
                    -- accents are marks that other scripts need
                    case
                        when regexp_matches(
                            visible, '[^\\p{{Latin}}\\p{{Greek}}\\p{{Cyrillic}}\\p{{Common}}\\p{{Inherited}}]'
                        ) then visible
                        else strip_accents(visible)
                    end as plain
                from (
                    select
                        name,
                        -- a letter or digit that is shown as an emoji is none
                        case
                            when starts_with(name, '{TOKEN}') then ''
                            else regexp_replace(name, '.(\\x{{FE0F}}\\x{{20E3}}?|\\x{{20E3}})|{_UNSEEN}', '', 'g')
                        end as visible
                    from names
                )
            )
        )
    )
"""
"""DuckDB's SELECT of what the relation of two names is read from, over a relation `names(name)`.

`normal`: lower case, without accents, only letters and digits, so that `First Last` and `first-last` are twins (both
stay: rows are names, not normal forms); empty where there is neither. `stem` is that without the digits at its end;
`letters` and `digits` are those alone. `words`: its runs of letters, parted at capitals, too, without titles and
degrees at either end. `abbreviations`: what handles make of two or more words.
"""


def relation(a: str, b: str, similarity: str) -> str:
    """Return DuckDB's expression for how two names relate, given the aliases of their features.

    `same`: twins. `numbered`: they differ by digits alone. `permuted`: the same words in another order, or first and
    last word run together. `initial`: the last word is the same, and of the first word one has but the initial
    (`J. Smith`, `jsmith`). `abbreviated`: one is first name and initial, or initial and surname however short, of the
    other (`YaraW`, `rliu3`). `contained`: one, of six characters or more with its last
    digits or without them, begins or ends the other (`B. Goldsmith` and `benjagoldsmith`, too). `similar`: 90 %
    alike, from the first character on (`Dan Smithson` is not `Ian Smithson`). `none` else.
    """

    def permuted(x: str, y: str) -> str:
        # shorter ones are common by chance
        together = f"{y}.normal in (concat({x}.first, {x}.last), concat({x}.last, {x}.first))"
        return f"(len({x}.words) > 1 and length({x}.last) >= 3 and length({y}.normal) >= 7 and {together})"

    def initial(x: str, y: str) -> str:
        long = f"len({x}.words) > 1 and length({x}.last) >= 4"
        short = f"{y}.normal in (concat({x}.initial, {x}.last), concat({x}.last, {x}.initial))"
        both = f"len({y}.words) > 1 and {y}.last = {x}.last and {y}.initial = {x}.initial"
        return f"({long} and ({short} or (length({x}.first) = 1 and {both})))"

    def abbreviated(x: str, y: str) -> str:
        # shorter ones are common by chance
        return f"(length({y}.stem) >= 4 and list_contains({x}.abbreviations, {y}.stem))"

    def contained(x: str, y: str) -> str:
        part = f"length({x}.{{0}}) >= 6 and (starts_with({y}.normal, {x}.{{0}}) or ends_with({y}.normal, {x}.{{0}}))"
        ends = f"starts_with({y}.normal, {x}.initial) and ends_with({y}.normal, {x}.last)"
        spelt = f"len({x}.words) > 1 and length({x}.first) = 1 and length({x}.last) >= 6 and {ends}"
        return f"(({part.format('normal')}) or ({part.format('stem')}) or ({spelt}))"

    same_words = f"(len({a}.words) > 1 and list_sort({a}.words) = list_sort({b}.words))"
    return f"""
        case
            when {a}.normal = '' or {b}.normal = '' then 'none'
            when {a}.normal = {b}.normal then 'same'
            when {a}.letters = {b}.letters then 'numbered'
            when {a}.digits = {b}.digits and ({same_words} or {permuted(a, b)} or {permuted(b, a)}) then 'permuted'
            when {a}.digits = {b}.digits and ({initial(a, b)} or {initial(b, a)}) then 'initial'
            when {abbreviated(a, b)} or {abbreviated(b, a)} then 'abbreviated'
            when {contained(a, b)} or {contained(b, a)} then 'contained'
            when {similarity} >= {ALIKE} and {a}.normal[1] = {b}.normal[1] then 'similar'
            else 'none'
        end
    """


def similarity_of(some: pa.Array, others: pa.Array) -> pa.Array:
    """Return how alike the normal forms of each pair are, in [0, 1]; null where one is empty.

    The ratio is rapidfuzz's `fuzz.ratio`: 1 - (insertions and deletions) / (both lengths).
    """
    ratios = [np.empty(0)]
    for start in range(0, len(some), PAIRS):
        names, other_names = (side.slice(start, PAIRS).to_pylist() for side in (some, others))
        ratios.append(process.cpdist(names, other_names, scorer=fuzz.ratio, dtype=np.float64, workers=-1) / 100)
    known = pc.and_(pc.not_equal(some, ""), pc.not_equal(others, ""))
    return pc.if_else(known, pa.array(np.concatenate(ratios)), None)


def alike_pairs(some: pa.Array, others: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the places (in `some`, in `others`) of all pairs of normal forms that are alike; empty ones are like none.

    1,979 x 99,041 take 3 s on two cores.
    """
    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    choices = others.to_pylist()
    for start in range(0, len(some), ROWS):
        rows = some.slice(start, ROWS).to_pylist()
        scores = process.cdist(rows, choices, scorer=fuzz.ratio, score_cutoff=100 * ALIKE, dtype=np.uint8, workers=-1)
        row, column = np.nonzero(scores)
        left.append(row + start)
        right.append(column)
    pairs = pa.table({"left": np.concatenate(left), "right": np.concatenate(right)})
    if not pairs.num_rows:
        return pairs["left"].combine_chunks(), pairs["right"].combine_chunks()
    known = pc.not_equal(some.take(pairs["left"].combine_chunks()), "")
    pairs = pairs.filter(pc.and_(known, pc.not_equal(others.take(pairs["right"].combine_chunks()), "")))
    return pairs["left"].combine_chunks(), pairs["right"].combine_chunks()
