"""The crawl: worker threads that share a pacer and write responses to disk as they arrive.

Deciding what to request and how to use rows belongs in `sources`.
"""

import json
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import pyarrow as pa
import pyarrow.json

from hub_assets.hub.collect import response_log
from hub_assets.hub.collect.growth import Growth
from hub_assets.hub.collect.response_log import Row
from hub_assets.hub.collect.set_aside import NAMED, UNCONVERTIBLE, convertible
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import NOT_HELD, HubBroken
from hub_assets.hub.http.pacing import PacerClosed
from hub_assets.lake.landing import Landing, Record

WORKERS = 64
"""Maximum number of threads. At 333 calls/s (the largest plan) and 150 ms latency, 50 threads await responses."""
FIRST_WORKERS = 1
"""Number of threads at the start, doubled for as long as responses are the bottleneck.

One is enough for a Hub on the same machine: four threads waited for each other, so a call took 0.8 ms of CPU instead of
0.55 ms, and they were no faster.
"""
IDLE = 0.6
"""CPU use (share of one core) above which more threads do not help: they would mostly wait for each other."""
LOOK_SECONDS = 0.5
FAILURE_STREAK = 20
"""Number of consecutive suspect responses that end or suspend a crawl, because the Hub or token seems broken."""


class Question(Protocol):
    """A question for the Hub.

    A source either has data of a `kind` or does not, so a single 501 response answers all questions of that kind.
    `has_failed` marks a question that failed the last time; if it fails again, that tells us nothing about the Hub.
    """

    @property
    def kind(self) -> str:
        """The kind of data requested."""
        ...

    @property
    def has_failed(self) -> bool:
        """Whether the question failed the last time."""
        ...


Q = TypeVar("Q", bound=Question)


@dataclass(frozen=True)
class Budget:
    """The limits of a crawl: a number of `calls` and a deadline on the Hub's clock; None for no limit."""

    calls: int | None = None
    until: datetime | None = None

    def is_spent(self, calls: int, now: datetime) -> bool:
        """Return whether the budget is exhausted."""
        return (self.calls is not None and calls >= self.calls) or (self.until is not None and now >= self.until)


NO_LIMIT: Final = Budget()


@dataclass
class Progress:
    """Progress of a crawl: questions `planned` and `done`, `calls` made, `outcomes`, and `seconds` elapsed.

    `remaining` estimates how many of the `quota` calls are left in the Hub's current window.
    """

    what: str
    planned: int
    done: int = 0
    calls: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    remaining: int | None = None
    quota: int | None = None
    is_over: bool = False

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the crawl is done, or None before the first question is done."""
        return (self.planned - self.done) * self.seconds / self.done if self.done else None

    def __str__(self) -> str:
        outcomes = ", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.most_common())
        done = f"{self.done:,} of {self.planned:,} ({outcomes or 'none yet'})"
        left = "" if self.seconds_left is None else f", {_time(self.seconds_left)} left"
        window = f", {self.remaining:,} of {self.quota:,} calls left in this window" if self.quota else ""
        return f"{self.what}: {done}, {self.rate:,.0f} calls/s{left}{window}"


Watch = Callable[[Progress], None]


def crawl(
    client: HubClient,
    landing: Landing,
    questions: Iterable[Q],
    ask: Callable[[Q], Iterator[Row]],
    progress: Progress,
    *,
    budget: Budget = NO_LIMIT,
    workers: int = WORKERS,
    is_suspect: Callable[[Row], bool] = response_log.is_suspect,
    outage_backoff: Sequence[float] = (),
    watch: Watch = lambda _: None,
) -> None:
    """Ask questions until none are left or the budget is exhausted, writing rows to the landing as they arrive.

    Args:
        client: the Hub client.
        landing: where rows are written.
        questions: the questions, in order; consumed lazily.
        ask: sends the requests for a question and yields one row per response, as the responses arrive.
        progress: updated during the crawl.
        budget: the limits. Once the budget is exhausted, workers stop after the response in flight.
        workers: maximum number of questions in progress at a time.
        is_suspect: whether a response may be about the Hub or the token rather than the question. Suspect responses are
            held back until a good response to a later question clears them.
        outage_backoff: successive waits in seconds. After a failure streak that looks like an outage, the crawl waits
            and repeats the questions of the streak.
        watch: receives the progress about twice a second.

    Raises:
        TokenRefused: if the Hub rejects the token, even in mid-crawl.
        HubBroken: after a failure streak; the responses in the streak are discarded.
    """
    _Crawl(client, landing, iter(questions), ask, progress, budget, is_suspect, outage_backoff).run(workers, watch)


def record_of(row: Row) -> Record:
    """Return the journal record of a row. Every row can be written, because invalid Unicode is replaced with `?`."""
    return Record({}, json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))


def rows_of(
    schema: pa.Schema, snapshot_date: date
) -> Callable[[list[Record], list[Path]], tuple[pa.Table, dict[str, Any]]]:
    """Return the function that converts journal records of a response table into rows and counts.

    An earlier version may have journaled responses that cannot be converted. They are set aside, along with the later
    pages of the same fetch, so that the fetch has no gap and resumes at the damaged page. The counts are `n_set_aside`
    and `set_aside` (descriptions of the first few).
    """
    fields = pa.schema([schema.field(name) for name in schema.names[1:]])

    def read(lines: Sequence[bytes]) -> pa.Table:
        if not lines:
            return fields.empty_table()
        # a line must fit in a block, and a page of 1,000 commits takes 200 kB
        block = max(2**20, 2 * max(map(len, lines)))
        rows = pyarrow.json.read_json(
            BytesIO(b"\n".join(lines)),
            read_options=pyarrow.json.ReadOptions(block_size=block),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=fields, unexpected_field_behavior="error"),
        )
        if len(rows) != len(lines):
            raise ValueError("a line is not a row")
        return rows.select(fields.names).cast(fields)

    def convert(records: list[Record], _: list[Path]) -> tuple[pa.Table, dict[str, Any]]:
        lines = [record.body for record in records]
        counts: dict[str, Any] = {}
        try:
            rows = read(lines)
        except UNCONVERTIBLE:
            fits = _without_holes(lines, convertible(lines, read))
            refused = [_name(line) for line, is_fit in zip(lines, fits, strict=True) if not is_fit]
            rows = read([line for line, is_fit in zip(lines, fits, strict=True) if is_fit])
            counts = {"n_set_aside": len(refused), "set_aside": refused[:NAMED]}
        week = pa.array([snapshot_date] * len(rows), pa.date32())
        return rows.add_column(0, schema.field(0), week), counts

    return convert


def _without_holes(lines: list[bytes], fits: list[bool]) -> list[bool]:
    """Return, for each line, whether to keep it: it must be convertible and not follow a bad line of its fetch."""
    broken_fetches: set[tuple[Any, ...]] = set()
    is_kept = []
    for line, is_fit in zip(lines, fits, strict=True):
        row = _read(line)
        fetch = tuple(row.get(name) for name in ("repo_type", "repo_key", "fetch_number"))
        if not is_fit:
            broken_fetches.add(fetch)
        is_kept.append(is_fit and (None in fetch or fetch not in broken_fetches))
    return is_kept


def _name(line: bytes) -> str:
    """Describe what a response is about, without naming a person."""
    row = _read(line)
    subject = [str(row[name]) for name in ("repo_type", "repo_id") if row.get(name) is not None]
    page = [f"page {row['page']}"] if "page" in row else []
    return ", ".join([" ".join(subject) or "an account", *page])


def _read(line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


@dataclass(frozen=True)
class _Held:
    """A suspect response that is held back: when it arrived, its question, and the record to write."""

    received_at: float
    question: Any
    record: Record
    outcome: str
    is_outage: bool


class _Crawl:
    """The state of a crawl. Worker threads change it only while they hold `_lock`, except for the flag `_is_over`."""

    def __init__(
        self,
        client: HubClient,
        landing: Landing,
        questions: Iterator[Any],
        ask: Callable[[Any], Iterator[Row]],
        progress: Progress,
        budget: Budget,
        is_suspect: Callable[[Row], bool],
        outage_backoff: Sequence[float],
    ) -> None:
        self._client = client
        self._landing = landing
        self._questions = questions
        self._ask = ask
        self._progress = progress
        self._budget = budget
        self._is_suspect = is_suspect
        self._outage_backoff = outage_backoff
        self._waits = 0
        self._works = threading.Event()
        self._works.set()
        self._wait = -math.inf, ""
        self._again: deque[Any] = deque()
        self._lock = threading.Lock()
        self._is_over = False
        self._asking = 0
        self._held: list[_Held] = []
        self._tried: dict[str, threading.Event] = {}
        self._not_held: set[str] = set()
        self._answered: set[str] = set()

    def run(self, workers: int, watch: Watch) -> None:
        began, seconds_before = time.monotonic(), self._progress.seconds
        growth = Growth()
        with ThreadPoolExecutor(workers, "crawl") as pool:
            threads = [pool.submit(self._work) for _ in range(min(workers, FIRST_WORKERS))]
            try:
                running: Iterable[Any] = threads
                while running and not self._is_over:
                    waited, busy = self._client.pacer.waited, time.process_time()
                    looked, calls = time.monotonic(), self._progress.calls
                    _, running = wait(threads, LOOK_SECONDS, FIRST_EXCEPTION)
                    self._announce_or_end_wait()
                    rate = (self._progress.calls - calls) / (time.monotonic() - looked)
                    # more threads help only if responses, not the rate limit or this process's CPU, are the bottleneck;
                    # a lone thread that waits for a slow response must not hold up the rest
                    is_idle = time.process_time() - busy < IDLE * LOOK_SECONDS
                    pays = growth.pays(rate) or (len(threads) == 1 and rate == 0)
                    if pays and running and self._client.pacer.waited == waited and is_idle:
                        growth.doubled()
                        more = min(workers, 2 * len(threads)) - len(threads)
                        threads += [pool.submit(self._work) for _ in range(more)]
                    self._progress.seconds = seconds_before + time.monotonic() - began
                    limit = self._client.pacer.estimate
                    self._progress.remaining, self._progress.quota = limit.remaining or 0, limit.quota
                    watch(self._progress)
            except BaseException:
                self._is_over = True
                raise
            finally:
                # a worker may wait five minutes for its turn, but must not keep waiting after the crawl has failed
                if self._is_over:
                    with self._client.pacer.canceled():
                        wait(threads)
        errors = [error for thread in threads if (error := thread.exception()) is not None]
        for error in errors:
            if not isinstance(error, PacerClosed):
                raise error
        with self._lock:
            self._keep_held()
        self._progress.is_over = True
        watch(self._progress)

    def _work(self) -> None:
        try:
            while (question := self._next()) is not None:
                self._ask_one(question)
        except BaseException:
            self._is_over = True
            raise

    def _next(self) -> Any:
        while not self._is_over and not self._works.wait(LOOK_SECONDS):
            pass
        with self._lock:
            while not self._is_over and not self._is_spent():
                question = self._again.popleft() if self._again else next(self._questions, None)
                if question is None or question.kind not in self._not_held:
                    self._asking += question is not None
                    return question
                self._progress.planned -= 1
        return None

    def _ask_one(self, question: Any) -> None:
        with self._lock:
            is_first = question.kind not in self._tried
            tried = self._tried.setdefault(question.kind, threading.Event())
        try:
            # the first question of a kind goes ahead, so a source that has no such data is asked only once
            while not is_first and not self._is_over and not tried.wait(LOOK_SECONDS):
                pass
            if question.kind in self._not_held:
                with self._lock:
                    self._progress.planned -= 1
                return
            asked_at = time.monotonic()
            for row in self._ask(question):
                if row["status"] == NOT_HELD and question.kind in self._answered:
                    row["outcome"] = "failed"  # the source has this kind of data, so the 501 is about this question
                record = record_of(row)
                with self._lock:
                    self._take(question, row, record, asked_at)
                    if self._is_over or self._is_spent():
                        return
                tried.set()
                asked_at = time.monotonic()
        finally:
            tried.set()
            with self._lock:
                self._asking -= 1

    def _is_spent(self) -> bool:
        return self._budget.is_spent(self._progress.calls + self._asking, self._client.now())

    def _take(self, question: Any, row: Row, record: Record, asked_at: float) -> None:
        self._progress.calls += row["calls"]
        if row["outcome"] == "not_asked":
            self._not_held.add(question.kind)
        if row.get("is_last", True):
            self._progress.done += 1
            self._progress.outcomes[row["outcome"]] += 1
        if row["outcome"] == "ok":
            self._answered.add(question.kind)
        if not self._is_suspect(row):
            self._keep_held(asked_at)
            self._landing.append(record)
            self._waits = 0
            return
        if question.has_failed and row["outcome"] == "failed":
            self._landing.append(record)
            return
        if response_log.is_outage(row) and not self._works.is_set():
            self._ask_again(question, row["outcome"])
            return
        self._held.append(_Held(time.monotonic(), question, record, row["outcome"], response_log.is_outage(row)))
        if len(self._held) >= FAILURE_STREAK:
            self._end_failure_streak(row)

    def _end_failure_streak(self, row: Row) -> None:
        """Schedule a wait after which the held questions are asked again, or give up."""
        is_outage = all(held.is_outage for held in self._held)
        if not is_outage or self._waits >= len(self._outage_backoff):
            self._is_over = True
            raise HubBroken(
                f"{FAILURE_STREAK} consecutive responses look like a failing Hub or token; the last said: "
                f"{row.get('message')}. They were discarded; run the crawl again to continue",
                url=self._client.endpoint,
                status=row["status"],
            )
        for held in self._held:
            self._ask_again(held.question, held.outcome)
        self._held.clear()
        seconds = self._outage_backoff[self._waits]
        self._waits += 1
        self._works.clear()
        self._wait = time.monotonic() + seconds, f"The Hub is not working ({row.get('message')})"

    def _announce_or_end_wait(self) -> None:
        with self._lock:
            if self._works.is_set():
                return
            until, why = self._wait
            if time.monotonic() >= until:
                self._works.set()
        if not self._works.is_set():
            self._client.say(until, why)

    def _ask_again(self, question: Any, outcome: str) -> None:
        self._again.append(question)
        self._progress.done -= 1
        self._progress.outcomes -= Counter([outcome])

    def _keep_held(self, before: float = math.inf) -> None:
        """Write the suspect responses that were received before a given time, unless the crawl has failed."""
        while self._held and self._held[0].received_at < before and not self._is_over:
            self._landing.append(self._held.pop(0).record)


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
