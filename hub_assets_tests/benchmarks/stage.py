"""What a benchmark is and what it is given: the list of all, and the stage on which those of one scale take place.

What is measured belongs to `entries`, how to `processes`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

from hub_assets_tests.benchmarks.processes import Server, serving
from hub_assets_tests.benchmarks.records import Measurement, Table

T = TypeVar("T")

WEEK: Final = date(2026, 11, 16)
"""The week that is served, listed and built."""
SEED: Final = 0
NEVER_SPENT: Final = "100000000/300"


@dataclass(frozen=True)
class Stage:
    """Where benchmarks of one scale take place.

    Args:
        scale: the size of the simulated Hub; 1 is the study's.
        folder: for everything that is written; it is removed at the end.
    """

    scale: float
    folder: Path
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def once(self, make: "Callable[[Stage], T]") -> T:
        """Return what a function made of this stage, and make it if that was not done yet.

        Entries share results by this: whoever comes first pays for it.
        """
        if make not in self._made:
            self._made[make] = make(self)
        result: T = self._made[make]
        return result

    @property
    def hub_home(self) -> Path:
        """The local Hub's own home."""
        return self.folder / "hub"

    @property
    def populations(self) -> Path:
        """Where the local Hub keeps its population."""
        return self.hub_home / "populations"

    def local_hub(
        self, core: int | None = None, *, quota: str = NEVER_SPENT, latency: float = 0.0
    ) -> AbstractContextManager[Server]:
        """Serve the simulated Hub from a process of its own while the block runs.

        Args:
            core: the only core it may use; any by default.
            quota: the rate limit, in windows that begin with the first call.
            latency: seconds that every answer takes longer.
        """
        population = ["--population", "simulated", "--scale", str(self.scale), "--seed", str(SEED), "--week", str(WEEK)]
        limits = ["--quota", quota, "--window", "first_call", "--latency", str(latency)]
        command = ["local-hub", *population, "--port", "0", *limits]
        return serving(command, home=self.hub_home, core=core)


Run = Callable[[Stage], Iterable[Measurement | Table]]


@dataclass(frozen=True)
class Benchmark:
    """An entry: its name, its place among the others, and the function that runs it."""

    name: str
    order: int
    run: Run

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.run.__doc__ or "").partition("\n")[0]


_benchmarks: dict[str, Benchmark] = {}


def benchmark(name: str, *, order: int) -> Callable[[Run], Run]:
    """Enter a function into the list of benchmarks.

    Args:
        name: what `--only` takes.
        order: where it stands: entries run in this order, which is the order in which data flows.
    """

    def enter(run: Run) -> Run:
        _benchmarks[name] = Benchmark(name, order, run)
        return run

    return enter


def all_benchmarks() -> list[Benchmark]:
    """Return all entries, in their order: whatever stands in `entries/`."""
    from hub_assets_tests.benchmarks import entries

    for module in pkgutil.iter_modules(entries.__path__, f"{entries.__name__}."):
        importlib.import_module(module.name)
    return sorted(_benchmarks.values(), key=lambda each: each.order)
