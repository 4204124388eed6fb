"""Repository cards: their first paragraphs and declared metadata, read again only when the repository's `sha` changes.

A card is text that anyone can write. It is never executed or rendered: front matter is read as plain YAML values, and
markup is cut out of the paragraphs. E-mail addresses are not stored. Secrets are removed when a release is made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import yaml

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.plan import listed_repositories, listing_files, select_from, wanted_ids
from hub_assets.hub.collect.raw_table import BATCH, PlanRequest, ResponseTable
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubError
from hub_assets.scratch import scratch
from hub_assets.vocabulary import RepoType

NAME: Final = "enrich_hub__cards"
NO_CARD: Final = "EntryNotFound"
"""The Hub's error code for a repository that exists but has no card."""
CARD_BYTES: Final = 2**20
"""Maximum number of bytes to read from a card: benchmark results in front matter can take several hundred kB."""
MARKUP: Final = 32_000
"""Number of Markdown characters from which paragraphs are taken."""
TEXT: Final = 2_000
"""Number of characters to store: twice as many as an embedder reads, because keyword search covers the whole text."""
VALUES: Final = 100
"""Maximum number of values to store per list, and of characters per value."""
_DECLARED: Final = ("license", "language", "datasets", "pipeline_tag", "task_categories")

_FRONT: Final = re.compile(r"\A\s*---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*\r?$", re.S | re.M)
_FIELD: Final = re.compile(
    rf"^(?:{'|'.join(_DECLARED)}):[^\n]*(?:\n(?:[ \t]+[^\n]*|-[^\n]*|[ \t]*))*$",
    re.M,
)
_CUTS: Final = tuple(
    (re.compile(pattern, re.S | re.M | re.I), to)
    for pattern, to in (
        (r"<!--.*?(?:-->|\Z)", " "),
        (r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", "\n\n"),
        (r"<(script|style)\b.*?(?:</\1\s*>|\Z)", " "),
        (r"</?[a-z][^<>]{0,2000}>", " "),
        (r"^[ \t]*\|[^\n]*$", ""),  # tables
        (r"!\[[^\[\]]{0,500}\](?:\([^()\s]{0,2000}(?:\s[^()]{0,500})?\)|\[[^\[\]]{0,200}\])", " "),
        (r"\[([^\[\]]{0,500})\](?:\([^()\s]{0,2000}(?:\s[^()]{0,500})?\)|\[[^\[\]]{0,200}\])", r"\1"),
        (r"\bhttps?://[^\s<>()\[\]]{1,2000}", " "),
        (r"[^\s@<>()\[\],;:]{1,64}@[^\s@<>()\[\],;:]{1,255}", " "),
        (r"^[ \t]*(?:#{1,6}|>|[-*+]|\d{1,3}\.)[ \t]+", ""),
        (r"^[ \t]*[-=*_]{3,}[ \t]*$", ""),
        (r"[*`~]{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)", ""),
    )
)
"""Patterns to cut out of Markdown, in this order, and their replacements. Matches are bounded in length or stop at a
delimiter, so that hostile text takes linear time."""


@dataclass(frozen=True)
class CardQuestion:
    """A card to read.

    Its `kind` is the repository type, because a source has cards either for all repositories of a type or for none.
    """

    repo_type: RepoType
    repo_key: str
    repo_id: str
    sha: str | None
    has_failed: bool

    @property
    def kind(self) -> str:
        """The repository type."""
        return self.repo_type


@dataclass(frozen=True)
class CardQuestions:
    """The cards to read in a week, in order."""

    table: pa.Table

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[CardQuestion]:
        for batch in self.table.to_batches(max_chunksize=BATCH):
            yield from (CardQuestion(**row) for row in batch.to_pylist())

    def summary(self) -> dict[str, Any]:
        """Return `is_complete` and `n_left`, the number of cards left."""
        return {"is_complete": not len(self), "n_left": len(self)}


def plan(request: PlanRequest) -> CardQuestions:
    """Find the cards to read: those of repositories that are new or whose `sha` has changed since the last request.

    Requests are repeated as in other tables: failed requests in a later week, refused requests after the selection's
    `recheck_weeks`. The most downloaded repositories of each type come first, then the most liked.

    Raises:
        PlanError: if nothing was listed.
    """
    snapshot_date, selection = request.snapshot_date, request.selection
    since = snapshot_date - timedelta(weeks=selection.recheck_weeks)
    columns = dict.fromkeys(("repo_type", "repo_key", "sha", "outcome", "error_code"), "varchar")
    columns |= {"snapshot_date": "date", "observed_at": "timestamp"}
    chosen = "true"
    if selection.ids:
        chosen = "(repo_type, lower(repo_id)) in (select repo_type, repo_id from wanted)"
    if selection.sample is not None:
        chosen = f"md5_number_lower(repo_key) < {round(selection.sample * 2**64)}::uhugeint"
    with scratch() as connection:
        connection.register("wanted", wanted_ids(selection))
        left = connection.sql(f"""
            with
            listed as (
                {listed_repositories(listing_files(request))}
            ),
            answers as (
                {select_from(request.files(NAME), columns)}
            ),
            last as (
                select unnest(arg_max(answers, observed_at)) from answers group by repo_type, repo_key
            ),
            not_held as (
                select repo_type from answers group by repo_type having bool_and(outcome = 'not_asked')
            ),
            ranked as (
                select *,
                    row_number() over (
                        partition by repo_type
                        order by downloads desc nulls last, likes desc nulls last, repo_key
                    ) as rank
                from listed
                where {chosen} and repo_type not in (select repo_type from not_held)
            )
            select ranked.repo_type, ranked.repo_key, ranked.repo_id, ranked.sha,
                coalesce(last.outcome = 'failed', false) as has_failed
            from ranked
            left join last using (repo_type, repo_key)
            where {f"rank <= {selection.top} and" if selection.top else ""} not coalesce(
                last.snapshot_date = date '{snapshot_date}'
                or (ranked.sha is not distinct from last.sha and (
                    last.outcome = 'ok'
                    or last.error_code = '{NO_CARD}'
                    or (last.outcome <> 'failed' and last.snapshot_date > date '{since}')
                )), false
            )
            order by rank, repo_type
        """).to_arrow_table()
    return CardQuestions(left)


def ask(client: HubClient, question: CardQuestion) -> Iterator[Row]:
    """Read a card and yield a single row; a repository without a card is `gone` with the error code `EntryNotFound`."""
    row: Row = {name: getattr(question, name) for name in ("repo_type", "repo_key", "repo_id", "sha")}
    prefix = "/" if question.repo_type == "model" else f"/{question.repo_type}s/"
    path = f"{prefix}{quote(question.repo_id)}/resolve/{quote(question.sha or 'main', safe='')}/README.md"
    try:
        answer = client.card(path, CARD_BYTES)
    except HubError as error:
        yield row | response_log.of_error(error, client)
        return
    yield row | response_log.of_answer(answer) | contents_of(answer.text)


def contents_of(card: str) -> Row:
    """Return a card's first paragraphs (`text`) and the declared fields of its front matter as lists of strings."""
    front = _FRONT.match(card)
    declared = {} if front is None else _declared(front["yaml"])
    return {
        "text": paragraphs_of(card[front.end() if front else 0 :]) or None,
        "licenses": _words(declared.get("license")),
        "languages": _words(declared.get("language")),
        "datasets": _words(declared.get("datasets")),
        "tasks": _words(declared.get("pipeline_tag")) + _words(declared.get("task_categories")),
    }


def paragraphs_of(markdown: str) -> str:
    """Return the first paragraphs without markup, separated by blank lines and cut off at the end of a word."""
    text = markdown[:MARKUP].replace("\r\n", "\n").replace("\0", "")
    for pattern, to in _CUTS:
        text = pattern.sub(to, text)
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n[ \t]*\n", text)]
    text = "\n\n".join(paragraph for paragraph in paragraphs if re.search(r"\w", paragraph))
    return text if len(text) <= TEXT else text[:TEXT].rpartition(" ")[0] or text[:TEXT]


def _declared(front: str) -> dict[str, Any]:
    """Read the declared fields one by one, so that a mistake elsewhere in the front matter does no harm."""
    declared: dict[str, Any] = {}
    for field in _FIELD.finditer(front):
        try:
            # all values as text: to YAML, the language code of Norwegian means false
            value = yaml.load(field[0][: VALUES * VALUES], yaml.CBaseLoader)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            declared = value | declared
    return declared


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    words = (word.strip()[:VALUES] for word in values[:VALUES] if isinstance(word, str))
    return list(dict.fromkeys(word for word in words if word not in ("", "null", "~")))


TABLE: Final = ResponseTable(
    name=NAME,
    columns={
        **dict.fromkeys(("repo_type", "repo_key", "repo_id", "sha", "text"), pa.string()),
        **dict.fromkeys(("licenses", "languages", "datasets", "tasks"), pa.list_(pa.string())),
    },
    label="cards",
    plan=plan,
    ask=ask,
    position=5,
    budget_share=0.25,
    reads=("raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"),
    bucket="resolvers",
)
