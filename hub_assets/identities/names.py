"""Comparison of names: normal forms, words, similarity, and whether one name is a spelling of another.

Deciding whether two similar names belong to the same person does not belong here.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from hub_assets.identities.sql import query

ALIKE: Final = 0.9
"""Minimum similarity at which two names count as similar: the study's threshold."""
PAIRS: Final = 1_000_000
"""Number of pairs of names compared per batch, which takes 200 MB."""
ROWS: Final = 200
"""Number of names compared with all others per batch: 200 x 100,000 similarities of one byte take 20 MB."""

TOKEN: Final = "address:"
"""Prefix of the token that replaces an e-mail address given to git as a name. The token is never parsed as a name."""
_TITLES: Final = "mr|mrs|ms|mx|dr|prof|professor|sir|herr|frau|mme|mlle|sra|srta"
_DEGREES: Final = "phd|ph[. ]+d|msc|m[. ]+sc|bsc|mba|jr|esq"
_UNSEEN: Final = (
    r"[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2139}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}"
    r"\x{E0100}-\x{E01EF}]"
)
"""Characters that Unicode classifies as letters or marks although they are invisible or shown as emoji."""

FEATURES: Final = query("name_features", titles=_TITLES, degrees=_DEGREES, token=TOKEN, unseen=_UNSEEN)
"""DuckDB query for the features that `relation` compares; it reads a relation `names(name)`.

`normal`: lower case, without accents, letters and digits only, so that `First Last` and `first-last` get the same value
(each name keeps its own row); empty if the name has neither. `stem`: `normal` without trailing digits. `letters` and
`digits`: only those characters of `normal`. `words`: runs of letters, also split at capitals, without leading titles
and trailing degrees. `abbreviations`: typical handles for a name of two or more words.
"""


def relation(a: str, b: str, similarity: str) -> str:
    """Return a DuckDB expression for the relation between two names, given the aliases of their features.

    - `same`: equal normal forms.
    - `numbered`: the names differ only in digits.
    - `permuted`: the same words in another order, or the first and last word run together.
    - `initial`: the same last word, and the first word of one is the initial of the other's (`J. Smith`, `jsmith`).
    - `abbreviated`: one consists of the other's first name and an initial, or of an initial and the surname, and has at
      least four characters without trailing digits (`YaraW`, `rliu3`).
    - `contained`: one is a prefix or suffix of the other and has at least six characters, with or without its trailing
      digits. `B. Goldsmith` and `benjagoldsmith` qualify, too.
    - `similar`: at least 90% similar, with the same first character (`Dan Smithson` is not `Ian Smithson`).
    - `none`: anything else.
    """

    def permuted(x: str, y: str) -> str:
        # shorter names often agree by chance
        together = f"{y}.normal in (concat({x}.first, {x}.last), concat({x}.last, {x}.first))"
        return f"(len({x}.words) > 1 and length({x}.last) >= 3 and length({y}.normal) >= 7 and {together})"

    def initial(x: str, y: str) -> str:
        long = f"len({x}.words) > 1 and length({x}.last) >= 4"
        short = f"{y}.normal in (concat({x}.initial, {x}.last), concat({x}.last, {x}.initial))"
        both = f"len({y}.words) > 1 and {y}.last = {x}.last and {y}.initial = {x}.initial"
        return f"({long} and ({short} or (length({x}.first) = 1 and {both})))"

    def abbreviated(x: str, y: str) -> str:
        # shorter names often agree by chance
        return f"(length({y}.stem) >= 4 and list_contains({x}.abbreviations, {y}.stem))"

    def contained(x: str, y: str) -> str:
        part = f"length({x}.{{0}}) >= 6 and (starts_with({y}.normal, {x}.{{0}}) or ends_with({y}.normal, {x}.{{0}}))"
        ends = f"starts_with({y}.normal, {x}.initial) and ends_with({y}.normal, {x}.last)"
        abbreviates = f"len({x}.words) > 1 and length({x}.first) = 1 and length({x}.last) >= 6 and {ends}"
        return f"(({part.format('normal')}) or ({part.format('stem')}) or ({abbreviates}))"

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
    """Return the similarity of each pair of normal forms, in [0, 1]; null if either is empty.

    The similarity is rapidfuzz's `fuzz.ratio`: 1 - (insertions + deletions) / (sum of both lengths).
    """
    ratios = [np.empty(0)]
    for start in range(0, len(some), PAIRS):
        names, other_names = (side.slice(start, PAIRS).to_pylist() for side in (some, others))
        ratios.append(process.cpdist(names, other_names, scorer=fuzz.ratio, dtype=np.float64, workers=-1) / 100)
    known = pc.and_(pc.not_equal(some, ""), pc.not_equal(others, ""))
    return pc.if_else(known, pa.array(np.concatenate(ratios)), None)


def alike_pairs(some: pa.Array, others: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the indices (in `some`, in `others`) of all pairs of similar normal forms; empty forms never match.

    1,979 x 99,041 names take 3 s on two cores.
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
