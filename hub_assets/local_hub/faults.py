"""Faults that can be switched on, so that a client's manners can be tested: errors, bad bodies, repositories that move.

Says when a fault strikes and what it does to rows. How a broken answer goes over the wire belongs to `gate`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub_assets.local_hub.fields import RepoType
from hub_assets.local_hub.listing import Page
from hub_assets.local_hub.population import Population, key_value

ANSWER_KINDS: Final = {
    "429": "429 with no calls left, though there are some",
    "429-no-headers": "429 without the headers of the rate limit",
    "429-other": "429 while there are calls left, as of another limiter",
    "500": "an error with an HTML body",
    "502": "an error with an HTML body",
    "503": "an error with an HTML body",
    "504": "an error with an HTML body",
    "slow": "a good answer after ARG seconds (5)",
    "drop": "the connection ends in the middle of the body",
    "not-json": "200 with an HTML body",
}
"""Faults of a whole answer; they strike listings, infos, histories and accounts."""
PAGE_KINDS: Final = {
    "move": "a repository changes after a page and is listed again (ARG `never`: the next one is never listed)",
    "row-without-id": "a page has one more row, without `_id`",
    "unknown-field": "a page's rows have a field ARG (`mystery`) that nobody asked for",
    "odd-tag": "the tags of a page's first row have a number and a null among them",
}
"""Faults of a listing's page."""
EXPAND_KIND: Final = "expand-refused"
"""The `expand` name ARG is refused though it is valid; it strikes requests that ask for it."""

_ARGS: Final = {
    "slow": r"(\d+(\.\d+)?)?",
    "move": r"(never)?",
    "unknown-field": r"\w*",
    EXPAND_KIND: r"[\w-]+",
}
"""What the kinds that have an ARG take."""
_SPEC: Final = re.compile(r"(?P<kind>[a-z0-9-]+?)(:(?P<arg>[^@]+?))?(@(?P<every>[1-9]\d*))?(x(?P<times>[1-9]\d*))?")


@dataclass
class Fault:
    """One switch: it strikes every `every`-th of the requests it can strike, `times` times at most."""

    kind: str
    arg: str | None = None
    every: int = 1
    times: int | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count one request that this fault can strike and say whether it does."""
        self.seen += 1
        strikes = self.seen % self.every == 0 and (self.times is None or self.struck < self.times)
        self.struck += strikes
        return strikes


class Faults:
    """All faults of a server; by default none."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults = list(faults)
        self._again: dict[RepoType, dict[str, Any]] = {}

    @classmethod
    def parse(cls, specs: Sequence[str]) -> "Faults":
        """Read faults, each written `KIND[:ARG][@EVERY][xTIMES]`, e.g. `503@5x3`.

        Raises:
            ValueError: with one sentence that says what is wrong.
        """
        return cls([_parse(spec) for spec in specs])

    def of_answer(self) -> Fault | None:
        """Return the fault that strikes this request's answer as a whole, if one does."""
        striking = [fault for fault in self._faults if fault.kind in ANSWER_KINDS and fault.strikes()]
        return striking[0] if striking else None

    def refused(self, expand: Sequence[str]) -> frozenset[str]:
        """Return which of the names asked for are refused."""
        return frozenset(
            fault.arg
            for fault in self._faults
            if fault.kind == EXPAND_KIND and fault.arg is not None and fault.arg in expand and fault.strikes()
        )

    def spoil(self, repo_type: RepoType, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return a page's rows with what is wrong with them."""
        if repo_type in self._again:
            rows = [self._again.pop(repo_type), *rows]
        for fault in self._faults:
            if not rows or fault.kind not in PAGE_KINDS or fault.kind == "move" or not fault.strikes():
                continue
            if fault.kind == "row-without-id":
                rows = [*rows, {name: value for name, value in rows[-1].items() if name != "_id"}]
            elif fault.kind == "unknown-field":
                rows = [{**row, fault.arg or "mystery": "nobody asked"} for row in rows]
            elif "tags" in rows[0]:
                rows = [{**rows[0], "tags": [*rows[0]["tags"], 42, None]}, *rows[1:]]
        return rows

    def move(self, population: Population, repo_type: RepoType, page: Page) -> None:
        """Change a repository between a page and the next one; where there is no next one nothing moves.

        `createdAt` never changes; in a listing sorted by it the page's first row is listed again as it was.
        """
        for fault in self._faults:
            if fault.kind != "move" or not len(page.following) or not fault.strikes():
                continue
            if page.sort == "createdAt":
                self._again[repo_type] = page.rows[0]
                continue
            repos = population.repos[repo_type]
            keys = repos.keys(page.sort)
            step = 1000 if page.sort == "lastModified" else 1
            if fault.arg == "never":
                row, key = page.following[0], keys[page.places[0]] + step
            else:
                row, key = page.places[0], keys[page.places[-1]] - step
            population.change(repo_type, repos.value("id", int(row)), **{page.sort: key_value(page.sort, key)})


def _parse(spec: str) -> Fault:
    match = _SPEC.fullmatch(spec)
    kind = match["kind"] if match else ""
    if match is None or kind not in (*ANSWER_KINDS, *PAGE_KINDS, EXPAND_KIND):
        kinds = ", ".join((*ANSWER_KINDS, *PAGE_KINDS, f"{EXPAND_KIND}:NAME"))
        raise ValueError(f"{spec!r} is not a fault KIND[:ARG][@EVERY][xTIMES]; the kinds are {kinds}")
    if not re.fullmatch(_ARGS.get(kind, ""), match["arg"] or ""):
        raise ValueError(f"{spec!r} has an ARG that {kind} does not take, or lacks the one that it needs")
    times = match["times"]
    return Fault(kind, match["arg"], int(match["every"] or 1), int(times) if times else None)
