"""Turns numbers into sentences. Each claim in `claims.yml` has a query that returns one row, and a template to fill.

If the week does not support a statement, the sentence says so instead. This happens if the query returns nothing, a
value is null, or the value is known for too few repositories.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from markupsafe import Markup, escape

from hub_assets.report.site.queries import Query, Row
from hub_assets.report.site.rendering import number, text
from hub_assets.report.site.week import Week

CLAIMS: Final = Path(__file__).with_name("claims.yml")
LEAST_KNOWN: Final = 0.8
"""Minimum share of repositories with a known value for a sentence to make a statement about all repositories."""
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Claim:
    """A sentence before its numbers are filled in.

    Attributes:
        id: stable name, also used as the anchor.
        page: the page's slug.
        topic: the subject, as named in the query's title and in the note that replaces an unsupported sentence.
        sql: a query that returns one row. `n` and `share_known` state what the claim is based on; `low` and `high`, if
            present, are its 95% interval.
        text: a template with placeholders such as `{share:percent}`, each with a column and an optional style: one of
            the styles of `number`, or `text`.
        needs: minimum share of known values.
        is_main: whether the entry page shows the sentence, too.
    """

    id: str
    page: str
    topic: str
    sql: str
    text: str
    needs: float = LEAST_KNOWN
    is_main: bool = False

    @property
    def query(self) -> Query:
        """The claim's query."""
        return Query(f"claim-{self.id}", f"Sentence about {self.topic}", self.sql)

    @property
    def columns(self) -> list[str]:
        """Columns that the text needs."""
        return [name for name, _ in _PLACEHOLDER.findall(self.text)]


@dataclass(frozen=True)
class Sentence:
    """A claim with a week's numbers; `is_supported` is false if it only explains why there is no statement."""

    claim: Claim
    text: Markup
    is_supported: bool
    row: Row | None

    @property
    def interval_style(self) -> str:
        """The style of the interval's bounds, which is the first number's style."""
        return str(_PLACEHOLDER.findall(self.claim.text)[0][1] or "auto")


@cache
def claims() -> tuple[Claim, ...]:
    """Return all claims.

    Raises:
        ValueError: if two claims share an id.
    """
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    made = tuple(Claim(**entry) for entry in content["claims"])
    if len({claim.id for claim in made}) != len(made):
        raise ValueError(f"two claims in {CLAIMS} share an id")
    return made


def sentences(week: Week, page: str | None = None) -> list[Sentence]:
    """Return a page's sentences, or the main findings of all pages if `page` is None."""
    return [sentence_of(week, claim) for claim in claims() if (claim.page == page if page else claim.is_main)]


def sentence_of(week: Week, claim: Claim) -> Sentence:
    """Return a claim's sentence about a week."""
    row = week.run(claim.query).first
    reason = _reason(claim, row)
    if row is None or reason is not None:
        return Sentence(claim, Markup("No statement about {}: {}.").format(claim.topic, reason), False, row)
    return Sentence(claim, _filled(claim.text, row), True, row)


def _reason(claim: Claim, row: Row | None) -> Markup | None:
    if row is None:
        return Markup("this week has no data")
    share = row.values.get("share_known")
    if isinstance(share, int | float) and share < claim.needs:
        return Markup("only {} of the values are known").format(number(row["share_known"], "percent"))
    if any(row.values[name] is None for name in claim.columns):
        return Markup("this week has too little data")
    return None


def _filled(template: str, row: Row) -> Markup:
    parts: list[Markup] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        parts.append(escape(template[end : match.start()]))
        cell, style = row[match[1]], match[2] or "auto"
        parts.append(text(cell) if style == "text" else number(cell, style))
        end = match.end()
    parts.append(escape(template[end:]))
    return Markup("").join(parts)


def catalog(found: Sequence[Sentence]) -> list[Mapping[str, Any]]:
    """Return sentences as plain data for `claims.json`: id, page, text, values and query."""
    return [
        {
            "id": sentence.claim.id,
            "page": f"{sentence.claim.page}.html#{sentence.claim.id}",
            "text": sentence.text.striptags(),
            "is_supported": sentence.is_supported,
            "values": dict(sentence.row.values) if sentence.row else {},
            "query": sentence.claim.query.name,
        }
        for sentence in found
    ]
