"""Fault switches: what can go wrong on the way, on purpose and in a way that can be repeated.

A switch is written `KIND[:ARGUMENT][@EVERY][xTIMES]`: `503@5x3` breaks every fifth request, three times at most. What
a fault looks like on the wire is the app's business; when it strikes is decided here.
"""

import re
from dataclasses import dataclass, field

ANSWER_KINDS = (
    "429", "429-no-headers", "429-other", "500", "502", "503", "504", "slow", "drop", "not-json",
)  # fmt: skip
"""Faults that take the place of an answer (`slow:SECONDS` only delays it)."""
LISTING_KINDS = ("move", "expand-refused", "row-without-id", "unknown-field", "odd-tag", "one-part-id")
"""Faults within a page: `move` serves the last row of the page before again, as when its sort key fell meanwhile;
`expand-refused:NAME` refuses a field; the others add or bend a row."""


@dataclass
class Fault:
    """One switch: strikes each `every`-th request it may strike, `times` times at most (None: for ever)."""

    kind: str
    argument: str = ""
    every: int = 1
    times: int | None = None
    seen: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        """Count a request and say whether it is hit."""
        self.seen += 1
        is_hit = self.seen % self.every == 0 and (self.times is None or self.struck < self.times)
        self.struck += is_hit
        return is_hit


@dataclass
class Faults:
    """All switches that are on."""

    switches: list[Fault] = field(default_factory=list)

    @classmethod
    def parse(cls, texts: list[str]) -> "Faults":
        """Read switches; raises ValueError with one sentence."""
        return cls([_fault(text) for text in texts])

    def for_answer(self) -> Fault | None:
        """Count a request and return the fault that takes its answer's place, if one strikes."""
        hits = [fault for fault in self.switches if fault.kind in ANSWER_KINDS and fault.strikes()]
        return hits[0] if hits else None

    def for_listing(self) -> dict[str, str]:
        """Count a page and return the kinds and arguments of the faults that strike it."""
        hits = [fault for fault in self.switches if fault.kind in LISTING_KINDS and fault.strikes()]
        return {fault.kind: fault.argument for fault in hits}


def _fault(text: str) -> Fault:
    found = re.fullmatch(r"([a-z0-9-]+?)(?::([\w.]+?))?(?:@(\d+))?(?:x(\d+))?", text)
    if not found or found.group(1) not in (*ANSWER_KINDS, *LISTING_KINDS) or found.group(3) == "0":
        kinds = ", ".join((*ANSWER_KINDS, *LISTING_KINDS))
        raise ValueError(f"{text!r} is not a fault like 503@5x3; kinds are {kinds}")
    kind, argument, every, times = found.groups()
    return Fault(kind, argument or "", int(every or 1), int(times) if times else None)
