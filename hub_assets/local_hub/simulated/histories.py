"""The simulated Hub's commits and discussions: their numbers, dates and authors.

A repository's first commits happen within hours of its creation. The others are spread over its life and continue at
a constant rate after it matures, so the histories of two weeks differ only in the events between these weeks. Commit
authors come from the circle of the repository's namespace: the people who may contribute to its repositories. They are
stored as codes, which `authors` turns into names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.authors import NOBODY, Authors, bot
from hub_assets.local_hub.simulated.people import People
from hub_assets.local_hub.simulated.repositories import Repositories
from hub_assets.local_hub.simulated.rng import Bits, Flags, Floats, Ints, Rng, mix, unit
from hub_assets.local_hub.simulated.timeline import WEEK

_BLOCK: Final = 50_000
_CALM: Final = 8 * WEEK
"""Shortest `span` to use for the rate of later events, so that repositories that mature early do not get too many."""
_SQUASHED: Final = 0.008
_ACTIVE: Final = 80 * WEEK
"""Average time that people work on a repository."""
_QUIET: Final = 0.1
"""Share of repositories without commits after the first hours."""
_DUPLICATES: Final = {"model": 0.12, "dataset": 0.1, "space": 0.6}
"""Among repositories with several committers, the share created as "Duplicate from X"."""
_CO_AUTHORS_ONLY: Final = 0.18
"""Among committers other than the main one, the share who are never a commit's first author."""
_CONVERTED: Final = 0.011
"""Share of models with a merged pull request from SFconvertbot."""
_OWN: Final = 0.55
"""Among repositories with discussions, the share whose main author opened the first discussion."""
_SQUASH: Final = 2**40
_TITLES: Final = (
    *("Update README.md", "Upload folder using huggingface_hub", "add model", "Upload tokenizer", "Add files"),
    *("Update app.py", "fix typo", "End of training", "Training in progress", "Update config.json", "Upload model"),
    *("Create README.md", "Delete old weights", "add evaluation results", "Update requirements.txt", "wip"),
)
_FIRST_TITLE: Final = len(_TITLES)
_CONVERT_TITLE: Final = len(_TITLES) + 1
_SQUASH_TITLE: Final = len(_TITLES) + 2
_FIXED_TITLES: Final = (
    *_TITLES,
    "initial commit",
    "Adding `safetensors` variant of this model (#1)",
    "Super-squash branch 'main' using huggingface_hub",
)
_TOPICS: Final = (
    *("Update README.md", "How do I run this?", "License?", "Example does not work", "Thank you!", "Add citation"),
    *("Out of memory", "Which data was it trained on?", "Request: quantized version", "Fix the config", "Cool"),
)
_BOT_TOPICS: Final = {
    "SFconvertbot": "Adding `safetensors` variant of this model",
    "librarian-bot": "Librarian Bot: Add base_model information to model",
    "leaderboard-pr-bot": "Adding Evaluation Results",
    "parquet-converter": "[bot] Conversion to Parquet",
}


@dataclass(frozen=True)
class Rates:
    """The number and timing of events per repository, as arrays over the repositories.

    `first` of the `total` events happen within `burst` seconds of creation; the others are spread evenly until the
    repository is `span` seconds old. Further events then happen at `rate` per second until the repository reaches the
    age `life`.
    """

    created: Ints
    total: Ints
    first: Ints
    burst: Floats
    span: Floats
    life: Floats

    @cached_property
    def rate(self) -> Floats:
        """Events per second after the age `span`; 0 unless `life` exceeds `span`."""
        rest: Floats = (self.total - self.first) / np.maximum(self.span, _CALM)
        return np.where(self.life > self.span, rest, 0)

    def when(self, row: Ints, number: Ints, jitter: Floats) -> Ints:
        """Return the time of each event, given its repository's row and its number (0 is the earliest event)."""
        total, first, burst, span = (array[row] for array in (self.total, self.first, self.burst, self.span))
        early = burst * (number + jitter * (number > 0)) / first.clip(1)
        middle = burst + (span - burst) * (number - first + jitter) / (total - first).clip(1)
        late = span + (number - total + jitter) / self.rate[row].clip(1e-12)
        age: Floats = np.where(number < first, early, np.where(number < total, middle, late))
        whole: Ints = np.floor(age).astype(np.int64)
        return self.created[row] + whole

    def before(self, moment: Ints, jitter: "Jitter") -> Ints:
        """Return the number of events in each repository before the given moment."""
        end = np.minimum(moment - self.created, self.life)
        late = np.maximum(end - self.span, 0) * self.rate
        most = self.total + np.where(late > 0, np.ceil(late).astype(np.int64) + 1, 0)
        row, number = _ragged(most)
        when = self.when(row, number, jitter.of(row, number))
        happened = when < moment[row]
        happened &= (number < self.total[row]) | (when - self.created[row] < self.life[row])
        return np.bincount(row[happened], minlength=len(most)).astype(np.int64)


@dataclass(frozen=True)
class Jitter:
    """Random offsets of events between evenly spaced times, in (0, 1)."""

    rng: Rng
    purpose: str
    whose: Ints

    def bits(self, row: Ints, number: Ints) -> Bits:
        """Return the random bits of each event."""
        return self.rng.bits(self.purpose, self.whose[row], number)

    def of(self, row: Ints, number: Ints) -> Floats:
        """Return the jitter of each event."""
        return unit(self.bits(row, number))


@dataclass(frozen=True)
class Commits:
    """The commits of visible repositories, newest first, with author codes instead of names.

    `rows` are the repositories and `mains` their main committers. The commits of each repository lie between two
    consecutive `offsets`. `codes` lists the authors of all commits, and `firsts` is the position of each commit's first
    author in this list.
    """

    rows: Ints
    mains: Ints
    offsets: Ints
    ids: pa.Array
    dates: Ints
    titles: pa.Array
    codes: Ints
    firsts: Ints

    @property
    def heads(self) -> Ints:
        """Positions of the newest commit of each repository."""
        return self.offsets[:-1]

    def table(self, authors: Authors, people: People) -> pa.Table:
        """Return the table of commits, with rows of `authors` instead of codes, and with trailers for co-authors."""
        lists = pa.ListArray.from_arrays(pa.array(self.firsts.astype(np.int32)), authors.rows(self.codes))
        return pa.table(
            {
                "id": self.ids,
                "title": self.titles,
                "message": _trailers(self.codes, self.firsts, authors, people),
                "date": text.moments(self.dates),
                "authors": lists,
            }
        )


def commits_of(repos: Repositories) -> Commits:
    """Build all commits dated before the time of the snapshot."""
    rows = np.flatnonzero(repos.visible)
    total = np.floor(repos.reached("commits", repos.commit_score)).astype(np.int64)[rows]
    committers = np.floor(repos.reached("committers", repos.committer_score)).astype(np.int64)[rows]
    made = [_commits_of(repos, rows[block], total[block], committers[block]) for block in blocks(len(rows))]
    return Commits(
        rows,
        np.concatenate([each.mains for each in made]),
        _end_to_end([each.offsets for each in made]),
        pa.concat_arrays([each.ids for each in made]),
        np.concatenate([each.dates for each in made]),
        pa.chunked_array([each.titles for each in made]).unify_dictionaries().combine_chunks(),
        np.concatenate([each.codes for each in made]),
        _end_to_end([each.firsts for each in made]),
    )


def _commits_of(repos: Repositories, rows: Ints, total: Ints, committers: Ints) -> Commits:
    rng = Rng(repos.seed, f"commit of {repos.kind}s")
    created, ripe = repos.timeline.created[rows], repos.timeline.ripe[rows]
    spread = np.where(rng.happens("quiet", _QUIET, rows), 1, rng.uniform("spread", rows))
    first = 1 + np.floor((total - 1) * spread).astype(np.int64)
    life = -_ACTIVE * np.log(rng.uniform("life", rows)) + WEEK
    span = np.minimum(life, ripe - created)
    rates = Rates(created, total, first, np.minimum(3 * 3600, span / 2), span, life)
    jitter = Jitter(rng, "commit", rows)
    now = np.full(len(rows), repos.now)
    end = np.maximum(rates.before(now, jitter), 1)

    squashed_at = created + WEEK * (1 + 150 * rng.uniform("squashed at", rows))
    squashed = rng.happens("squashed", _SQUASHED, rows) & (total < 1000) & (squashed_at < repos.now)
    cut = np.where(squashed, squashed_at, 0).astype(np.int64)
    start = np.where(squashed, np.maximum(rates.before(cut, jitter) - 1, 0), 0)

    row, position = _ragged(end - start)
    number = end[row] - 1 - position
    bits = jitter.bits(row, number)
    dates = rates.when(row, number, unit(bits))
    squash = squashed[row] & (number == start[row])
    dates[squash] = cut[row[squash]]
    offsets = np.append(0, np.cumsum(end - start))
    crew = _crew(repos, rng, rows, total, committers, rates)
    codes, extra_at, extra_codes, titles = crew.authors(row, number, bits, offsets, end, squash)
    bits[squash] += np.uint64(_SQUASH)
    authors = _with_co_authors(codes, extra_at, extra_codes)
    return Commits(rows, crew.code[crew.begin] // 4, offsets, _commit_ids(bits), dates, titles, *authors)


@dataclass(frozen=True)
class _Crew:
    """The committers of each repository (its members) with their codes, starting with the main author.

    Arrays have one entry per repository, except `code`, `other` and `mixes`, which have one per member; `begin` is the
    position of each repository's first member. A repository's first `sources` members author commits; the `further`
    members after them only co-author commits.
    """

    rng: Rng
    rows: Ints
    total: Ints
    system: Ints
    sources: Ints
    further: Ints
    begin: Ints
    code: Ints
    other: Ints
    mixes: Flags
    only_bots: Ints
    duplicate: Flags
    converted: Flags
    source_names: pa.Array

    def authors(
        self, row: Ints, number: Ints, bits: Bits, offsets: Ints, end: Ints, squash: Flags
    ) -> tuple[Ints, Ints, Ints, pa.Array]:
        """Return each commit's first author, the commit and the code of each co-author, and each commit's title."""
        second = bits.copy()
        mix(second)
        chance = unit(second)
        own = self.total - self.system
        at = number - self.system[row]
        sources = self.sources[row].clip(1)
        step = np.minimum(at * sources // own[row].clip(1), sources - 1)
        arrives = (at * sources % own[row].clip(1) < sources) & (number < self.total[row])
        drawn = np.floor((step + 1) * chance**2.5).astype(np.int64)
        member = self.begin[row] + np.where(arrives, step, drawn).clip(0)
        mix(second)
        other = self.mixes[member] & (unit(second) < 0.5)
        codes = np.where(other, self.other[member], self.code[member])
        main = self.code[self.begin[row]]
        codes = np.where(squash, main, codes)
        codes = np.where(self.only_bots[row] < 0, self.only_bots[row], codes)
        codes = np.where((at < 0) & ~squash, bot("system"), codes)

        titles = (second >> np.uint64(33)).astype(np.int64) % len(_TITLES)
        titles[number == 0] = _FIRST_TITLE
        titles[squash] = _SQUASH_TITLE

        # co-authors: the event number at which each joins, and the commit with that number
        owner, which = _ragged(self.further)
        joins = self.system[owner] + np.minimum((which + 1) * own[owner] // (self.further[owner] + 1), own[owner] - 1)
        joins = np.where(self.duplicate[owner] & (which == self.further[owner] - 1), 0, joins)
        people = self.code[self.begin[owner] + self.sources[owner] + which]
        converted = np.flatnonzero(self.converted)
        owner = np.append(owner, converted)
        conversion = np.maximum(self.total[converted] - 1, 1)
        joins = np.append(joins, conversion)
        people = np.append(people, np.full(len(converted), bot("SFconvertbot")))
        commit = offsets[owner] + end[owner] - 1 - joins
        seen = (joins < end[owner]) & (commit < offsets[owner + 1])
        seen[seen] = ~squash[commit[seen]]
        first = offsets[1:] - 1
        duplicates = np.flatnonzero(self.duplicate & (number[first] == 0) & ~squash[first])
        titles[first[duplicates]] = len(_FIXED_TITLES) + np.arange(len(duplicates))
        seen_conversions = commit[-len(converted) :][seen[-len(converted) :]] if len(converted) else []
        titles[seen_conversions] = _CONVERT_TITLE
        words = pa.concat_arrays(
            [pa.array(_FIXED_TITLES), text.joined("Duplicate from ", self.source_names.take(duplicates))]
        )
        return codes, commit[seen], people[seen], text.chosen(words, titles)


def _crew(repos: Repositories, rng: Rng, rows: Ints, total: Ints, committers: Ints, rates: Rates) -> _Crew:
    people = repos.people
    namespace = repos.timeline.namespace[rows]
    old = (rates.created < _SYSTEM_UNTIL) & rng.happens("system", 0.6, rows)
    duplicate = rng.happens("duplicate", _DUPLICATES[repos.kind], rows) & (committers >= 2)
    system = (old & (total >= 2) & ~duplicate).astype(np.int64)
    further = np.floor(_CO_AUTHORS_ONLY * (committers - 1).clip(0) + rng.uniform("further", rows)).astype(np.int64)
    further = np.minimum(np.maximum(further * (committers > 1), duplicate), (committers - 1).clip(0))
    sources = np.minimum(committers - further, total - system)
    further = committers - sources
    main = np.floor(people.team[namespace] * rng.uniform("main", rows) ** 2).astype(np.int64)

    size = committers.clip(1)
    row, position = _ragged(size)
    # the other members hold consecutive positions in the circle, usually starting near the front
    shift = np.floor(4 * rng.uniform("shift", rows) ** 3).astype(np.int64)[row]
    circle = position - 1 + shift + (position - 1 + shift >= main[row])
    person = people.person(namespace[row], np.where(position == 0, main[row], circle))
    begin = np.cumsum(size) - size
    # the last co-author of a duplicate is the owner of the original
    original = np.floor(rows * rng.uniform("original", rows) ** 0.3).astype(np.int64)
    last = begin + size - 1
    source = repos.timeline.namespace[original[duplicate]]
    person[last[duplicate]] = people.person(source, np.zeros_like(source))
    only_bots = np.where(committers == 0, _CI_BOTS[rows % len(_CI_BOTS)], 0)

    noisy = people.is_noisy(person)
    style = rng.uniform("style", rows[row], person)
    alias = person * 4 + 1 + rng.happens("second alias", 0.15, rows[row], person)
    linked = people.has_account(person)
    always = noisy & ((style < 0.3) | ~linked)
    code = np.where(always, alias, person * 4)
    return _Crew(
        rng=rng,
        rows=rows,
        total=total,
        system=system,
        sources=sources,
        further=further,
        begin=begin,
        code=code,
        other=alias,
        mixes=noisy & linked & (style > 0.7),
        only_bots=only_bots,
        duplicate=duplicate,
        converted=(
            rng.happens("converted", _CONVERTED if repos.kind == "model" else 0, rows)
            & (total - system >= sources + 1)
            & (total >= 2)
            & (committers > 0)
        ),
        source_names=repos.ids(rates.created, original),
    )


@dataclass(frozen=True)
class Discussions:
    """The discussions of visible repositories, newest first, with author codes instead of names."""

    offsets: Ints
    codes: Ints
    columns: dict[str, pa.Array]

    def table(self, authors: Authors) -> pa.Table:
        """Return the table of discussions, with rows of `authors` instead of codes."""
        return pa.table(self.columns | {"author": authors.rows(self.codes)})


def discussions_of(repos: Repositories, mains: Ints) -> Discussions:
    """Build all discussions opened before the time of the snapshot.

    Args:
        repos: the repositories.
        mains: the main committer of each visible repository.
    """
    rows = np.flatnonzero(repos.visible)
    rng, people = Rng(repos.seed, f"discussion of {repos.kind}s"), repos.people
    on = ~repos.without_discussions[rows]
    total = np.floor(repos.reached("discussions", repos.discussion_score)).astype(np.int64)[rows] * on
    starters = np.floor(repos.reached("starters", repos.discussion_score)).astype(np.int64)[rows]
    starters = np.minimum(starters, total)
    created, ripe = repos.timeline.created[rows], repos.timeline.ripe[rows]
    span = (ripe - created).astype(np.float64)
    rates = Rates(created, total, np.zeros_like(total), np.zeros(len(rows)), span, np.full(len(rows), np.inf))
    jitter = Jitter(rng, "discussion", rows)
    count = rates.before(np.full(len(rows), repos.now), jitter)
    row, position = _ragged(count)
    number = count[row] - 1 - position
    bits = jitter.bits(row, number)
    opened = rates.when(row, number, unit(bits))
    mix(bits)
    chance = unit(bits)

    # new starters arrive at even intervals; bots open half of the other discussions, and known starters open the rest
    of, all_ = starters[row], total[row].clip(1)
    step = np.minimum(number * of // all_, of - 1)
    arrives = (number * of % all_ < of) & (number < total[row])
    mix(bits)
    returns = (of > 0) & (unit(bits) < 0.5)
    known = np.where(arrives, step, np.floor((step + 1) * chance**2).astype(np.int64)).clip(0)
    debut = -(-known * all_ // of.clip(1))
    # choose each starter from the people who had a namespace by the time of the starter's first discussion
    debut_at = rates.when(row, debut, jitter.of(row, debut))
    person = people.anybody(rng.uniform("starter", rows[row], known), debut_at)
    person = np.where((known == 0) & rng.happens("own", _OWN, rows[row]), mains[row], person)
    codes = np.where(people.has_account(person), person * 4, NOBODY)
    codes = np.where(rng.happens("deleted", 0.01, rows[row], known), NOBODY, codes)
    automatic = ~(arrives | returns)
    bots = _DATASET_BOTS if repos.kind == "dataset" else _REVIEW_BOTS
    codes = np.where(automatic, np.array([bot(name) for name in bots])[number % len(bots)], codes)

    mix(bits)
    pull = automatic | (unit(bits) < 0.35)
    topic = (bits >> np.uint64(40)).astype(np.int64) % len(_TOPICS)
    bot_topic = len(_TOPICS) + np.array([list(_BOT_TOPICS).index(name) for name in bots])[number % len(bots)]
    closed_at = opened - np.log(chance) * 8 * WEEK
    mix(bits)
    fate = unit(bits)
    over = (closed_at < repos.now) & (fate < 0.6)
    status = np.where(over, np.where(pull & (fate < 0.4), 2, 1), np.where(pull & (fate > 0.95), 3, 0))
    words = pa.array((*_TOPICS, *_BOT_TOPICS.values()))
    return Discussions(
        np.append(0, np.cumsum(count)),
        codes,
        {
            "num": pa.array((number + 1 + (number + rows[row] % 40) // 40).astype(np.int32)),
            "title": text.chosen(words, np.where(automatic, bot_topic, topic)),
            "status": text.chosen(pa.array(["open", "closed", "merged", "draft"]), status),
            "isPullRequest": pa.array(pull),
            "createdAt": text.moments(opened),
            "numComments": pa.array(np.floor(1 - 2 * np.log(fate)).astype(np.int32)),
        },
    )


_SYSTEM_UNTIL: Final = 1_654_041_600  # before 2022-06-01, the Hub itself made the first commit of many repositories
_CI_BOTS: Final[npt.NDArray[np.int64]] = np.array(
    [bot("lambda-ci-bot"), bot("autotrain-ci"), bot("github-actions[bot]"), bot("system")]
)
_REVIEW_BOTS: Final = ("SFconvertbot", "librarian-bot", "leaderboard-pr-bot")
_DATASET_BOTS: Final = ("parquet-converter", "librarian-bot")


def blocks(count: int) -> Iterator[slice]:
    """Yield slices that cover `count` repositories. There is always at least one slice, which may be empty.

    Working in blocks keeps only one block's temporary arrays in memory at a time.
    """
    for start in range(0, max(count, 1), _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _end_to_end(offsets: list[Ints]) -> Ints:
    """Join the offsets of consecutive blocks."""
    starts = np.cumsum([0, *(each[-1] for each in offsets)])
    return np.append(
        np.concatenate([each[:-1] + start for each, start in zip(offsets, starts, strict=False)]), starts[-1]
    )


def _ragged(counts: Ints) -> tuple[Ints, Ints]:
    """Return, for rows with the given numbers of items, the row of each item and its position within the row."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)


def _with_co_authors(codes: Ints, at: Ints, extra: Ints) -> tuple[Ints, Ints]:
    """Return all authors of all commits, and the position of each commit's first author."""
    # drop co-authors who are also the first author, because a circle may contain the same person twice
    again = codes[at] == extra
    at, extra = at[~again], extra[~again]
    size = 1 + np.bincount(at, minlength=len(codes))
    firsts = np.append(0, np.cumsum(size))
    everybody = np.empty(firsts[-1], np.int64)
    everybody[firsts[:-1]] = codes
    order = np.argsort(at, kind="stable")
    rank = np.arange(len(at)) - np.searchsorted(at[order], at[order])
    everybody[firsts[at[order]] + 1 + rank] = extra[order]
    return everybody, firsts


def _trailers(codes: Ints, firsts: Ints, authors: Authors, people: People) -> pa.Array:
    """Return commit messages, which have one trailer per co-author and are empty without co-authors."""
    several = np.flatnonzero(np.diff(firsts) > 1)
    sizes = np.diff(firsts)[several] - 1
    row, position = _ragged(sizes)
    who = codes[firsts[several[row]] + 1 + position]
    users = authors.table["user"].combine_chunks().take(authors.rows(who))
    linked = authors.table["avatar"].combine_chunks().take(authors.rows(who)).is_valid()
    mail = pc.if_else(linked, text.joined(users, "@users.noreply.huggingface.co"), "someone@mail.example")
    persons = np.maximum(who // 4, 0)
    names = people.names(persons)
    real = text.joined(names.first, " ", pc.utf8_capitalize(names.last))
    shown = text.where((who >= 0) & people.rng.happens("signs with name", 0.3, persons), real, users)
    lines = text.joined("Co-authored-by: ", shown, " <", mail, ">")
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
    messages = text.joined("\n\n", pc.binary_join(pa.ListArray.from_arrays(offsets, lines), "\n"), "\n")
    positions = np.zeros(len(firsts) - 1, np.int64)
    positions[several] = 1 + np.arange(len(several))
    return text.chosen(pa.concat_arrays([pa.array([""]), messages]), positions)


def _commit_ids(bits: Bits) -> pa.Array:
    """Return 20-byte commit ids derived from each commit's bits."""
    octets = np.empty((len(bits), 24), np.uint8)
    bits = bits.copy()
    for position in range(3):
        octets[:, 8 * position : 8 * position + 8] = bits[:, None].view(np.uint8)
        mix(bits)
    data = np.ascontiguousarray(octets[:, :20])
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(20), len(bits), [None, pa.py_buffer(data)])
