"""Injectable faults, to test how clients handle errors, bad bodies, and repositories that move during a listing.

This module decides when a fault occurs and how it changes rows. Sending broken responses belongs in `middleware`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub_assets.local_hub.listing import Page
from hub_assets.local_hub.population import Population, key_value
from hub_assets.vocabulary import RepoType

ANSWER_KINDS: Final = {
    "429": "429 whose headers wrongly say that no calls are left",
    "429-no-headers": "429 without rate-limit headers",
    "429-other": "429 while calls are left, as if from another rate limiter",
    "500": "an error with an HTML body",
    "502": "an error with an HTML body",
    "503": "an error with an HTML body",
    "504": "an error with an HTML body",
    "slow": "a correct response after ARG seconds (default 5)",
    "drop": "the connection closes in the middle of the body",
    "not-json": "200 with an HTML body",
}
"""Faults that affect a whole response; they apply to listings, repository info, histories and accounts."""
PAGE_KINDS: Final = {
    "move": "after a page, one of its repositories moves and is listed again (ARG `never`: the first repository of the "
    "next page moves and is never listed)",
    "row-without-id": "a page has an additional row without `_id`",
    "unknown-field": "the rows of a page have an unrequested field ARG (default `mystery`)",
    "odd-tag": "the tags of the first row of a page contain a number and a null",
}
"""Faults that affect a listing page."""
EXPAND_KIND: Final = "expand-refused"
"""Rejects the valid `expand` name ARG; applies to requests that use it."""

_ARGS: Final = {
    "slow": r"(\d+(\.\d+)?)?",
    "move": r"(never)?",
    "unknown-field": r"\w*",
    EXPAND_KIND: r"[\w-]+",
}
"""Pattern of the ARG for each fault kind that takes one."""
_SPEC: Final = re.compile(r"(?P<kind>[a-z0-9-]+?)(:(?P<arg>[^@]+?))?(@(?P<every>[1-9]\d*))?(x(?P<times>[1-9]\d*))?")


@dataclass
class Fault:
    """A fault that occurs in every `every`-th request it applies to, at most `times` times."""

    kind: str
    arg: str | None = None
    every: int = 1
    times: int | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count a request that this fault applies to, and return whether the fault occurs."""
        self.seen += 1
        strikes = self.seen % self.every == 0 and (self.times is None or self.struck < self.times)
        self.struck += strikes
        return strikes


class Faults:
    """All faults of a server; none by default."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults = list(faults)
        self._again: dict[RepoType, dict[str, Any]] = {}

    @classmethod
    def parse(cls, specs: Sequence[str]) -> "Faults":
        """Parse faults written as `KIND[:ARG][@EVERY][xTIMES]`, e.g. `503@5x3`.

        Raises:
            ValueError: if a fault is malformed; the message is a single sentence.
        """
        return cls([_parse(spec) for spec in specs])

    def of_answer(self) -> Fault | None:
        """Return the fault that affects the whole response to this request, if any."""
        striking = [fault for fault in self._faults if fault.kind in ANSWER_KINDS and fault.strikes()]
        return striking[0] if striking else None

    def refused(self, expand: Sequence[str]) -> frozenset[str]:
        """Return the requested `expand` names to reject."""
        return frozenset(
            fault.arg
            for fault in self._faults
            if fault.kind == EXPAND_KIND and fault.arg is not None and fault.arg in expand and fault.strikes()
        )

    def spoil(self, repo_type: RepoType, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Apply the faults that affect the rows of a page."""
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
        """Move a repository in the listing after a page was served; do nothing if there is no next page.

        `createdAt` never changes, so a listing sorted by it repeats the page's first row, unchanged, on the next page.
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
                row, key = page.following[0], keys[page.positions[0]] + step
            else:
                row, key = page.positions[0], keys[page.positions[-1]] - step
            population.change(repo_type, repos.value("id", int(row)), **{page.sort: key_value(page.sort, key)})


def _parse(spec: str) -> Fault:
    match = _SPEC.fullmatch(spec)
    kind = match["kind"] if match else ""
    if match is None or kind not in (*ANSWER_KINDS, *PAGE_KINDS, EXPAND_KIND):
        kinds = ", ".join((*ANSWER_KINDS, *PAGE_KINDS, f"{EXPAND_KIND}:NAME"))
        raise ValueError(f"{spec!r} is not a valid fault KIND[:ARG][@EVERY][xTIMES]; the kinds are {kinds}")
    if not re.fullmatch(_ARGS.get(kind, ""), match["arg"] or ""):
        raise ValueError(f"{spec!r} has an ARG that {kind} does not accept, or is missing one that it requires")
    times = match["times"]
    return Fault(kind, match["arg"], int(match["every"] or 1), int(times) if times else None)
