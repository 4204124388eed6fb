"""The definition of a published claim, and the ledger of claims in `claims.yml`, which is validated when it is loaded.

Judging claims belongs in `judging`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub_assets.errors import HubAssetsError
from hub_assets.sql import literal

LEDGER: Final = Path(__file__).with_name("claims.yml")
COMPARISON: Final = "mart__published_comparison"
"""The table with this week's value of each quantity in the study, next to the published value."""
LEAST_KNOWN: Final = 0.8
"""Default for the minimum share of the population with a known value; a claim with a lower share is not tested."""

Text = Annotated[str, Field(min_length=1)]
_TABLE: Final = re.compile(r"\b[a-z]+__\w+")


class LedgerError(HubAssetsError):
    """The ledger is invalid; the message names the file and the first problem."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Source(_Strict):
    """The publication that makes a claim: its citation and year."""

    citation: Text
    year: int = Field(ge=2016, le=2100)


class Claim(_Strict):
    """A published statement with a number or a direction, and the query that measures the same quantity in a week.

    Attributes:
        id: stable name, which is also the anchor on the page.
        statement: the claim in our words.
        source: key of one of the ledger's sources.
        place: section of the source that makes the claim; empty if the source has no sections.
        period: the period that the claim is about.
        population: what the claim counts.
        definition: how we define our value where the source leaves a choice.
        sql: one SELECT that returns one row: `value`, `n`, and optionally `low` and `high` (an interval for the value)
            and `share_known`, in [0, 1]. `$week` is the week as a date.
        quantity: for claims of the study, the key in the seed `published_values`; replaces `sql` and `published`.
        published: the published value: a share in [0, 1], a count, a ratio or a coefficient; None if the source states
            only a direction, or if the claim is from the study.
        unit: unit of our value and of the published value.
        relation: what the claim says about our value relative to `published`; `rises` and `falls` are claims about the
            sign of a change, and `published` is then the change that the source found.
        compares: whether our value is the week's value, or its difference from or ratio to an earlier week's value.
        weeks_back: minimum number of weeks between the compared weeks.
        tolerance: how far the value may be from `published` for the claim to hold, in units of the value; for `rises`
            and `falls`, the smallest change that counts.
        tolerance_reason: the reason for the tolerance.
        counters: repository types whose download counters the value depends on; if a compared week is suspect for one
            of these types, the claim is not tested.
        least_known: minimum share of the population with a known value.
        least_n: minimum value of `n`, which counts repositories or other units, for which the claim makes sense.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    statement: Text
    source: Text
    place: str = ""
    period: Text
    population: Text
    definition: Text
    sql: str | None = None
    quantity: str | None = None
    published: float | None = Field(default=None, allow_inf_nan=False)
    unit: Literal["share", "count", "ratio", "coefficient"]
    relation: Literal["equals", "at least", "at most", "rises", "falls"] = "equals"
    compares: Literal["value", "difference", "ratio"] = "value"
    weeks_back: int | None = Field(default=None, ge=1)
    tolerance: float = Field(ge=0, allow_inf_nan=False)
    tolerance_reason: Text
    counters: tuple[Literal["model", "dataset"], ...] = ()
    least_known: float = Field(default=LEAST_KNOWN, ge=0, le=1)
    least_n: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> "Claim":
        if (self.quantity is None) == (self.sql is None):
            raise ValueError("needs either sql or the quantity of the study")
        if self.quantity is not None and self.published is not None:
            raise ValueError("repeats a value of the study that published_values already contains")
        if self.quantity is None and self.published is None and self.relation not in ("rises", "falls"):
            raise ValueError("needs a published value")
        if (self.compares == "value") != (self.weeks_back is None):
            raise ValueError("needs weeks_back if it compares with an earlier week, and only then")
        if self.relation in ("rises", "falls") and self.compares != "difference":
            raise ValueError("rises and falls compare a difference")
        return self

    @property
    def select(self) -> str:
        """The query. For claims of the study, it also returns `published`."""
        if self.sql is not None:
            return self.sql
        return (
            f"select ours as value, n, share_known, published\nfrom {COMPARISON}\n"
            f"where snapshot_date = $week and quantity = {literal(self.quantity)}"
        )

    @property
    def tables(self) -> frozenset[str]:
        """The warehouse tables that the query reads."""
        return frozenset(_TABLE.findall(self.select))

    def allowed(self, published: float | None) -> tuple[float, float]:
        """Return the lowest and the highest value for which the claim holds, given the published value."""
        if self.relation == "rises":
            return self.tolerance, float("inf")
        if self.relation == "falls":
            return float("-inf"), -self.tolerance
        assert published is not None, "all other claims state a value"
        low = float("-inf") if self.relation == "at most" else published - self.tolerance
        high = float("inf") if self.relation == "at least" else published + self.tolerance
        return low, high


class Ledger(_Strict):
    """All claims, and the sources they refer to by key."""

    sources: Mapping[str, Source]
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> "Ledger":
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) != len(ids):
            raise ValueError(f"two claims are called {next(name for name in ids if ids.count(name) > 1)}")
        if unknown := {claim.source for claim in self.claims} - self.sources.keys():
            raise ValueError(f"no source is called {min(unknown)}")
        if unused := self.sources.keys() - {claim.source for claim in self.claims}:
            raise ValueError(f"no claim is from {min(unused)}")
        return self

    @property
    def tables(self) -> frozenset[str]:
        """The warehouse tables that the claims read."""
        return frozenset().union(*(claim.tables for claim in self.claims))


def load_ledger(path: Path = LEDGER) -> Ledger:
    """Read a ledger.

    Raises:
        LedgerError: if the file is not YAML, or a claim or source is incomplete or inconsistent.
        OSError: if the file cannot be read.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return Ledger.model_validate(content)
    except yaml.YAMLError as error:
        raise LedgerError(f"{path} is not valid YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        raise LedgerError(_first_problem(path, error)) from error


def _first_problem(path: Path, error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{path}: {where + ': ' if where else ''}{problem['msg'].removeprefix('Value error, ')}"
