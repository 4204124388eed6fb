"""Compares a Hub's responses with what the collectors assume, in about 18 calls.

Every check parses responses with the collectors' own code, so that no assumption is written down twice. Examining the
machine and the home belongs in `machine`.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from hub_assets.hub.collect.fetches import Page as HistoryPage
from hub_assets.hub.collect.listing_pages import PAGE_SIZE, Page, list_pages
from hub_assets.hub.collect.listing_rows import listing_rows
from hub_assets.hub.collect.raw_table import Lookup
from hub_assets.hub.collect.values import Values
from hub_assets.hub.http.client import Answer, HubClient
from hub_assets.hub.http.errors import HubError, HubGone, HubRefused, HubThrottled, TokenRefused
from hub_assets.hub.http.headers import date_of, rate_limit_of
from hub_assets.hub.sources import accounts, commits, discussions
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.upkeep.findings import Finding
from hub_assets.vocabulary import REPO_TYPES, RepoType

CLOCK_MINUTES: Final = 5.0
"""Largest difference between the Hub's clock and ours that does not affect a snapshot."""
NOBODY: Final = "hub-assets-doctor/asks-for-a-repository-that-does-not-exist"
KNOWN_REFUSALS: Final[dict[RepoType, set[str]]] = {"model": {"baseModels"}, "dataset": set(), "space": set()}
"""Names that the Hub rejects in listings. Requesting them costs one call, and the listing continues without them."""
_UPDATE: Final = "Look for a later version of hub_assets; if there is none, report this with the output of the doctor."


@dataclass
class HubExamination:
    """The calls to one Hub and their findings. `population` is set if the Hub is a local Hub."""

    client: HubClient
    population: str | None = None
    now: datetime | None = None
    rows: dict[RepoType, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self) -> Iterator[Finding]:
        """Yield a finding per check, but stop if the first response is unusable."""
        first = yield from self._contact()
        if first is None:
            return
        yield from self._clock(first)
        yield from self._rate_limit(first)
        for repo_type in REPO_TYPES:
            yield from self._guarded(f"listing of {repo_type}s", partial(self._listing, repo_type))
        checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            ("expand names", self._expand_names),
            ("single repository", self._info),
            ("commits", self._commits),
            ("pages of commits", self._commit_pages),
            ("discussions", self._discussions),
            ("missing repository", self._missing),
            ("renamed repository", self._redirect),
            ("gated repository", self._gated),
            ("accounts", self._account),
        )
        for name, check in checks:
            yield from self._guarded(name, check)

    def _guarded(self, name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        """Report an error of the Hub as a finding, so that one broken path does not hide the others."""
        try:
            yield from check()
        except HubThrottled as error:
            yield Finding(
                name,
                "warning",
                f"the rate limit was hit: {error}",
                "The Hub refuses calls that its own headers allow.",
                "Wait a few minutes and run the doctor again; another program may be using the same token or address.",
            )
        except HubError as error:
            yield Finding(name, "failure", str(error), "This data cannot be collected.", _UPDATE)

    def _contact(self) -> Generator[Finding, None, Answer | None]:
        try:
            contact = self.client.contact()
            answer = self.client.get("/api/models?limit=1")
        except TokenRefused as error:
            remedy = "Set a valid HF_TOKEN, or unset it."
            yield Finding("token", "failure", str(error), "The Hub rejects every call with this token.", remedy)
            return None
        except HubError as error:
            remedy = "Check the network, HF_ENDPOINT and proxies, then run the doctor again."
            yield Finding("connection", "failure", str(error), "The Hub does not answer.", remedy)
            return None
        self.population, self.now = contact.population, contact.now
        yield Finding("connection", "ok", f"{self.client.endpoint} answers")
        if self.client.has_token:
            yield Finding("token", "ok", "the Hub accepts the token")
        else:
            meaning = "Calls count against this machine's address, whose quota is half of a free token's."
            remedy = "Set HF_TOKEN, or log in with: hf auth login"
            if self.population:  # a local Hub gives everybody the same quota
                yield Finding("token", "ok", "none, and a local Hub needs none")
            else:
                yield Finding("token", "warning", "there is none", meaning, remedy)
        return answer

    def _clock(self, answer: Answer) -> Iterator[Finding]:
        hub_time = date_of(answer.headers)
        if hub_time is None:
            found = f"the response has no readable Date header ({answer.headers.get('date')!r})"
            meaning = "Weeks would be dated by this machine's clock."
            yield Finding("clock", "warning", found, meaning, "Check that no proxy removes the header.")
            return
        if self.population:
            yield Finding("clock", "ok", f"a local Hub whose date is {hub_time:%Y-%m-%d}")
            return
        apart = abs(hub_time - datetime.now(UTC))
        if apart > timedelta(minutes=CLOCK_MINUTES):
            found = (
                f"the Hub's clock says {hub_time:%Y-%m-%d %H:%M} UTC, which is {_span(apart)} away from this machine's"
            )
            meaning = "Snapshots follow the Hub's clock, but the schedule and the logs follow this machine's."
            yield Finding("clock", "warning", found, meaning, "Synchronize this machine's clock (NTP).")
            return
        yield Finding("clock", "ok", f"within {_span(apart)} of this machine's")

    def _rate_limit(self, first: Answer) -> Iterator[Finding]:
        name = "rate-limit headers"
        meaning = "Requests cannot be paced by the Hub's headers; they go out unpaced until the Hub answers 429."
        try:
            second = self.client.get("/api/models?limit=1")
        except HubError as error:
            yield Finding(
                name, "failure", str(error), "The second call failed.", "Run the doctor again in a few minutes."
            )
            return
        limits = [rate_limit_of(answer.headers) for answer in (first, second)]
        if None in limits:
            header = second.headers.get("ratelimit")
            found = "there are none" if header is None else f"RateLimit cannot be read: {header[:100]!r}"
            yield Finding(name, "warning", found, meaning, _UPDATE)
            return
        before, after = limits
        assert before is not None
        assert after is not None
        if after.limit is None or after.window_seconds is None:
            found = f"RateLimit-Policy cannot be read: {second.headers.get('ratelimit-policy', '')[:100]!r}"
            yield Finding(name, "warning", found, "Budgets in hours cannot be converted to calls.", _UPDATE)
            return
        is_new_window = after.reset_in_seconds > before.reset_in_seconds
        if not is_new_window and after.remaining >= before.remaining:
            found = f"{before.remaining} calls were left, and {after.remaining} after another call"
            meaning = "The Hub does not count every call; pacing treats each response as a new window."
            yield Finding(name, "warning", found, meaning, "Check that no cache or proxy answers for the Hub.")
            return
        found = f"{after.limit:,} calls per {after.window_seconds} s, {after.remaining:,} left"
        yield Finding(name, "ok", found)

    def _listing(self, repo_type: RepoType) -> Iterator[Finding]:
        name = f"listing of {repo_type}s"
        pages = list_pages(self.client, LISTINGS[repo_type], outage_backoff=())
        first = next(pages)
        self.rows[repo_type] = [row for row in json.loads(first.content) if isinstance(row, dict)]
        if not first.rows:
            yield Finding(name, "failure", "it is empty", f"A week without {repo_type}s would be published.", _UPDATE)
            return
        yield from self._rows(repo_type, first)
        yield _page_size(repo_type, first)
        if first.next_path is not None:
            yield self._second_page(repo_type, next(pages))

    def _rows(self, repo_type: RepoType, listed: Page) -> Iterator[Finding]:
        name = f"rows of {repo_type}s"
        schema = pa.schema([("body", pa.string()), ("observed_at", pa.timestamp("us"))])
        page = pa.table(
            {"body": [listed.content.decode()], "observed_at": [listed.observed_at.replace(tzinfo=None)]}, schema=schema
        )
        table, counts = listing_rows(page, LISTINGS[repo_type], listed.observed_at.date())
        n, read = counts.listed, len(table)
        if not read or counts.without_id > n / 2:
            found = f"{counts.without_id:,} of {n:,} rows have no `_id`"
            yield Finding(name, "failure", found, "Rows without `_id` cannot be kept.", _UPDATE)
            return
        problems = [f"{count:,} rows without `_id`" for count in (counts.without_id,) if count]
        problems += [f"{count:,} rows that cannot be converted" for count in (counts.set_aside,) if count]
        problems += [f"{field} has another type in {count:,} rows" for field, count in counts.type_mismatches.items()]
        problems += [f"{field} has items that are not text" for field in counts.odd_items]
        if problems:
            meaning = (
                "Values of another type are kept in `extra` and null in their column; rows that lack `_id` or cannot "
                "be converted are left out."
            )
            yield Finding(name, "warning", f"of {n:,} rows: {', '.join(problems)}", meaning, _UPDATE)
        else:
            yield Finding(
                name,
                "ok",
                f"{n:,} rows of {len(LISTINGS[repo_type].fields) - len(listed.refused)} fields fit their columns",
            )
        if refused := sorted({*listed.refused} - KNOWN_REFUSALS[repo_type]):
            meaning = "The listing continues without these fields; their columns are null from this week on."
            found = f"the Hub no longer lists {', '.join(refused)}"
            yield Finding(f"expand names of {repo_type}s", "warning", found, meaning, _UPDATE)
        lost = [field for field, count in counts.not_observed.items() if count == n and field not in listed.refused]
        required = [field for field in ("createdAt", "sha", "likes") if field in lost]
        if required:
            meaning = "Snapshots count these fields or use them to decide which histories to fetch."
            found = f"no row has {', '.join(required)}"
            yield Finding(f"fields of {repo_type}s", "failure", found, meaning, _UPDATE)
        elif counts.unknown_fields:
            found = f"fields that were not requested: {', '.join(sorted(counts.unknown_fields))}"
            yield Finding(f"fields of {repo_type}s", "warning", found, "They are kept in `extra`, unparsed.", _UPDATE)
        else:
            yield Finding(f"fields of {repo_type}s", "ok", "all requested fields, and no others")
        moments = table["createdAt"].drop_null().to_pylist()
        if moments != sorted(moments, reverse=True):
            found, meaning = "rows are not sorted by createdAt", "A long listing could miss or repeat repositories."
            yield Finding(f"order of {repo_type}s", "warning", found, meaning, _UPDATE)

    def _second_page(self, repo_type: RepoType, page: Page) -> Finding:
        name = f"next page of {repo_type}s"
        first = {row.get("_id") for row in self.rows[repo_type]}
        rows = [row for row in json.loads(page.content) if isinstance(row, dict)]
        repeated = sum(row.get("_id") in first for row in rows)
        fields = set().union(*self.rows[repo_type]) & {*LISTINGS[repo_type].fields}
        lost = sorted(fields - set().union(*rows)) if len(rows) >= PAGE_SIZE else []
        if lost:
            found, meaning = f"without the fields {', '.join(lost)}", "The link drops `expand`: later rows lack fields."
            return Finding(name, "failure", found, meaning, _UPDATE)
        if repeated:
            found, meaning = f"{repeated:,} rows of the first page again", "The listing shifts while it is read."
            return Finding(
                name, "warning", found, meaning, "Repeated rows are dropped and counted; others may be lost."
            )
        return Finding(name, "ok", f"{len(rows):,} new rows")

    def _expand_names(self) -> Iterator[Finding]:
        """Request an `expand` name that does not exist. The Hub's error should list all names that do."""
        name = "expand names"
        try:
            self.client.get("/api/models?limit=1&expand=hub-assets-doctor")
        except HubRefused as error:
            match = re.search(r'"expand" must be one of \[([^\]]*)\]', error.message)
            if match is None:
                meaning = "If the Hub ever refuses one of our names, the listing fails instead of omitting the name."
                yield Finding(name, "warning", f"the refusal lists no names: {error.message[:100]}", meaning, _UPDATE)
                return
            yield Finding(name, "ok", f"the refusal of an unknown name lists {len(match[1].split(','))} valid names")
            return
        meaning = "The Hub ignores unknown names, so a renamed field would go unnoticed until its column is null."
        yield Finding(name, "warning", "an unknown name is not refused", meaning, _UPDATE)

    def _info(self) -> Iterator[Finding]:
        name = "single repository"
        row = self._readable_model()
        if row is None:
            yield _unchecked(name)
            return
        body = self.client.get(f"/api/models/{quote(row['id'])}?expand=sha").body
        if not isinstance(body, dict) or body.get("_id") != row["_id"]:
            meaning = "Redirected histories cannot be matched to their repository and are not read."
            yield Finding(name, "failure", "its `_id` differs from the listing's", meaning, _UPDATE)
            return
        yield Finding(name, "ok", "its `_id` matches the listing's")

    def _commits(self) -> Iterator[Finding]:
        name = "commits"
        row = self._readable_model()
        if row is None:
            yield _unchecked(name)
            return
        values = Values()
        answer = self.client.get(f"/api/models/{quote(row['id'])}/{commits.SPEC.first_path}")
        page = commits.page_of(answer, 0, values)
        required = {"id", "date", "authors"}
        lacking = sorted({key for item in page.items for key in required - item.keys()})
        if lacking:
            meaning = "Commits without these fields cannot be counted or attributed."
            yield Finding(name, "failure", f"a commit lacks {', '.join(lacking)}", meaning, _UPDATE)
            return
        anonymous = [
            item for item in page.items if not all("user" in author for author in values.items(item["authors"]))
        ]
        for item in page.items:
            values.moment(item["date"])
        if anonymous or values.type_mismatches:
            found = f"{len(anonymous)} of {len(page.items)} commits have authors without a name"
            found = found if anonymous else "dates or authors have another type"
            yield Finding(name, "warning", found, "Identity resolution loses these authors.", _UPDATE)
        else:
            yield Finding(name, "ok", f"{len(page.items):,} commits of {row['id']}, all as expected")
        yield self._total("total of commits", page)

    def _total(self, name: str, page: HistoryPage) -> Finding:
        if page.total is None:
            meaning = "Rewritten histories go unnoticed, and every changed repository is read in full."
            return Finding(name, "warning", "there is no X-Total-Count", meaning, _UPDATE)
        if page.next_path is None and page.total != page.end:
            found = f"X-Total-Count is {page.total:,} but there are {page.end:,} commits"
            meaning = "Histories look rewritten and are read again every week."
            return Finding(name, "warning", found, meaning, _UPDATE)
        return Finding(name, "ok", f"X-Total-Count is {page.total:,}")

    def _commit_pages(self) -> Iterator[Finding]:
        name = "pages of commits"
        row = self._readable_model()
        if row is None:
            yield _unchecked(name)
            return
        answer = self.client.get(f"/api/models/{quote(row['id'])}/commits/main?limit=1")
        n = len(answer.body) if isinstance(answer.body, list) else 0
        if n > 1:
            found = f"{n:,} commits although 1 was requested"
            yield Finding(name, "warning", found, "The Hub chooses the page size; positions follow from it.", _UPDATE)
        elif answer.total is not None and answer.total > 1 and answer.next_path is None:
            meaning = "A history of several pages would end after the first one and look complete."
            yield Finding(name, "failure", "there is no Link to the next page", meaning, _UPDATE)
        else:
            yield Finding(name, "ok", "the limit is obeyed and the next page is linked")

    def _discussions(self) -> Iterator[Finding]:
        name = "discussions"
        row = self._readable_model()
        if row is None:
            yield _unchecked(name)
            return
        values = Values()
        answer = self.client.get(f"/api/models/{quote(row['id'])}/{discussions.SPEC.first_path}")
        page = discussions.page_of(answer, 0, values)
        lacking = sorted({key for item in page.items for key in {"num", "status", "createdAt"} - item.keys()})
        if lacking:
            meaning = "Discussions without these fields cannot be counted."
            yield Finding(name, "failure", f"a discussion lacks {', '.join(lacking)}", meaning, _UPDATE)
        elif page.total is None:
            meaning = "The end of a history is guessed from the length of its pages."
            yield Finding(name, "warning", "there is no count", meaning, _UPDATE)
        elif page.total > len(page.items) != discussions.PAGE_SIZE:
            found = f"{len(page.items)} on the first page of {page.total:,} instead of {discussions.PAGE_SIZE}"
            yield Finding(name, "warning", found, "Pages may be read twice or in part.", _UPDATE)
        else:
            yield Finding(name, "ok", f"{page.total:,} discussions of {row['id']}")

    def _missing(self) -> Iterator[Finding]:
        name = "missing repository"
        try:
            self.client.get(f"/api/models/{NOBODY}")
        except HubGone as error:
            expected = 404 if self.client.has_token else 401
            if error.status != expected or (expected == 404 and error.code is None):
                found = f"status {error.status}, code {error.code}, instead of {expected}"
                meaning = "Deleted repositories may look like a failing Hub, which stops a crawl."
                yield Finding(name, "warning", found, meaning, _UPDATE)
                return
            yield Finding(name, "ok", f"status {error.status}")
            return
        except HubError as error:
            meaning = "Deleted repositories are recorded as failed and requested again every week."
            yield Finding(name, "warning", f"{error}", meaning, _UPDATE)
            return
        yield Finding(name, "warning", "the Hub says that it exists", "Deletions cannot be detected.", _UPDATE)

    def _redirect(self) -> Iterator[Finding]:
        """Request an id in a different case; the Hub responds as it does for a renamed repository."""
        name = "renamed repository"
        row = next((row for row in self._models() if row["id"].swapcase() != row["id"]), None)
        if row is None:
            yield _unchecked(name)
            return
        path = f"/api/models/{quote(row['id'].swapcase())}?expand=sha"
        try:
            answer = self.client.get(path, follow=False)
        except HubError as error:
            meaning = "Renamed models look deleted, so usage by Spaces is lost."
            yield Finding(name, "warning", f"an id in another case: {error}", meaning, _UPDATE)
            return
        if answer.location is None:
            found = "an id in another case is answered without a redirect"
            yield Finding(name, "warning", found, "The current id of a renamed model cannot be determined.", _UPDATE)
            return
        target = self.client.get(answer.location).body
        if not isinstance(target, dict) or target.get("_id") != row["_id"]:
            meaning = "Histories of renamed repositories are recorded as moved and not read."
            yield Finding(name, "warning", "the redirect leads to another repository", meaning, _UPDATE)
            return
        yield Finding(name, "ok", f"status {answer.status}, redirected to the current id")

    def _gated(self) -> Iterator[Finding]:
        name = "gated repository"
        row = next((row for row in self._models() if _is_gated(row)), None)
        if row is None:
            yield _unchecked(name)
            return
        try:
            self.client.get(f"/api/models/{quote(row['id'])}/{commits.SPEC.first_path}")
        except HubError as error:
            if error.code == "GatedRepo":
                yield Finding(name, "ok", f"status {error.status}, code GatedRepo")
                return
            meaning = "Gated repositories are recorded as failed, and many in a row stop the crawl."
            yield Finding(name, "warning", f"{error} (code {error.code})", meaning, _UPDATE)
            return
        yield Finding(name, "ok", "the token has access")

    def _account(self) -> Iterator[Finding]:
        name = "accounts"
        row = next((row for row in self._models() if isinstance(row.get("author"), str)), None)
        if row is None:
            yield _unchecked(name)
            return
        (answer,) = accounts.ask(self.client, Lookup(row["author"], "account"))
        if answer["outcome"] != "ok":
            found = f"the owner of a listed model is {answer['outcome']} (status {answer['status']})"
            meaning = "Author strings cannot be matched with accounts, so fewer developers are merged."
            yield Finding(name, "warning", found, meaning, _UPDATE)
        elif answer["account_key"] is None or answer["name"] is None:
            meaning = "Renamed accounts cannot be recognized."
            yield Finding(name, "warning", "an account has no `_id` or no name", meaning, _UPDATE)
        else:
            yield Finding(
                name,
                "ok",
                f"the owner of a listed model is a{'n' * (answer['account_type'] == 'org')} {answer['account_type']}",
            )

    def _models(self) -> list[dict[str, Any]]:
        """Return the listed models whose id and `_id` make them usable in further requests."""
        rows = self.rows.get("model", [])
        return [row for row in rows if isinstance(row.get("id"), str) and isinstance(row.get("_id"), str)]

    def _readable_model(self) -> dict[str, Any] | None:
        """Return the listed model with the most likes whose contents are public."""
        public = (row for row in self._models() if not _is_gated(row) and not row.get("disabled"))
        return max(public, key=_likes, default=None)


def _page_size(repo_type: RepoType, page: Page) -> Finding:
    name = f"page size of {repo_type}s"
    if page.next_path is None and page.rows >= PAGE_SIZE:
        found = f"a page of {page.rows:,} rows has no Link to a next page"
        meaning = "A listing would end after the first page and look complete."
        return Finding(name, "failure", found, meaning, "Check that no proxy removes the Link header.")
    if page.next_path is not None and page.rows < PAGE_SIZE:
        found = f"{page.rows:,} rows although {PAGE_SIZE:,} were requested and more follow"
        meaning = f"A listing takes {PAGE_SIZE / page.rows:.1f} times as many calls."
        return Finding(name, "warning", found, meaning, "Expect longer listings; nothing is lost.")
    return Finding(
        name, "ok", f"{page.rows:,} rows" + (", and more follow" if page.next_path else ", the whole listing")
    )


def _is_gated(row: dict[str, Any]) -> bool:
    return row.get("gated") not in (None, False, "false")


def _likes(row: dict[str, Any]) -> int:
    likes = row.get("likes")
    return likes if isinstance(likes, int) else 0


def _unchecked(name: str) -> Finding:
    return Finding(name, "unchecked", "no listed model to check it on")


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(seconds)))
