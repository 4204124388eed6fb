"""The list of benchmarks, and the stage shared by benchmarks of the same scale.

The benchmarks themselves belong in `entries`, and taking measurements in `processes`.
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
"""The week being served, listed and built."""
SEED: Final = 0
UNLIMITED: Final = "100000000/300"


@dataclass(frozen=True)
class Stage:
    """What all benchmarks at one scale share.

    Args:
        scale: the scale of the simulated Hub, where 1 is the study's size.
        folder: a temporary folder for all files.
    """

    scale: float
    folder: Path
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def once(self, make: "Callable[[Stage], T]") -> T:
        """Return the result of a function on this stage, calling it only the first time.

        This lets entries share results.
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
        """The folder where the local Hub caches its population."""
        return self.hub_home / "populations"

    def local_hub(
        self, core: int | None = None, *, quota: str = UNLIMITED, latency: float = 0.0
    ) -> AbstractContextManager[Server]:
        """Serve the simulated Hub from a separate process while the block runs.

        Args:
            core: the only core it may use; any by default.
            quota: the rate limit, in windows that start with the first call.
            latency: seconds added to every response.
        """
        population = ["--population", "simulated", "--scale", str(self.scale), "--seed", str(SEED), "--week", str(WEEK)]
        limits = ["--quota", quota, "--window", "first_call", "--latency", str(latency)]
        command = ["local-hub", *population, "--port", "0", *limits]
        return serving(command, home=self.hub_home, core=core)


Run = Callable[[Stage], Iterable[Measurement | Table]]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its name, its position, and the function that runs it.

    `needs` names what it requires beyond the dependencies; a benchmark with `needs` runs only if `--only` names it.
    """

    name: str
    order: int
    run: Run
    needs: str = ""

    @property
    def summary(self) -> str:
        """The first line of its docstring, and what it needs."""
        summary = (self.run.__doc__ or "").partition("\n")[0]
        return f"{summary} Runs only with `--only`; needs {self.needs}." if self.needs else summary


_benchmarks: dict[str, Benchmark] = {}


def benchmark(name: str, *, order: int, needs: str = "") -> Callable[[Run], Run]:
    """Add a function to the list of benchmarks.

    Args:
        name: the name for `--only`.
        order: its position; entries run in the order in which data flow.
        needs: what it requires beyond the dependencies, if anything.
    """

    def enter(run: Run) -> Run:
        _benchmarks[name] = Benchmark(name, order, run, needs)
        return run

    return enter


def all_benchmarks() -> list[Benchmark]:
    """Return the benchmarks of all modules in `entries/`, in order."""
    from hub_assets_tests.benchmarks import entries

    for module in pkgutil.iter_modules(entries.__path__, f"{entries.__name__}."):
        importlib.import_module(module.name)
    return sorted(_benchmarks.values(), key=lambda each: each.order)
