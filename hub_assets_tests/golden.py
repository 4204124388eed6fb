"""One whole week, made once by the command as people run it, for all tests that only need a home that has one.

The processes of pytest-xdist share it: whichever needs it first makes it, behind a lock, while the others wait. A test
that changes a home takes a copy. How a week comes about is asserted elsewhere.
"""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from filelock import FileLock

from hub_assets import cli
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import simulated

WEEK: Final = date(2026, 11, 16)
ASKED_FOR: Final = date(2026, 11, 18)
"""Any day stands for its week; the command is given a Wednesday."""
SCALE: Final = 0.003
SEED: Final = 4
"""Of the small Hubs of this size one with many pairs of names, of every decision."""


@dataclass(frozen=True)
class Golden:
    """The home, and what the command said."""

    home: Path
    output: str

    def copy(self, to: Path) -> Path:
        """Return a copy that a test may change."""
        return Path(shutil.copytree(self.home, to))


def hub_of(week: date = WEEK) -> Population:
    """Return what the Hub of the golden home serves, also of another week."""
    return simulated(week, scale=SCALE, seed=SEED)


def golden_in(folder: Path) -> Golden:
    """Return the golden home in a folder; make it if no other process has."""
    home, output = folder / "golden", folder / "golden.txt"
    with FileLock(folder / "golden.lock"):
        if not output.exists():
            shutil.rmtree(home, ignore_errors=True)
            command = [
                "demo",
                "--home",
                str(home),
                "--week",
                str(ASKED_FOR),
                "--scale",
                str(SCALE),
                "--seed",
                str(SEED),
            ]
            made = CliRunner().invoke(cli.main, [*command, "--budget", "none"])
            assert made.exit_code == 0, made.output
            output.write_text(made.output, encoding="utf-8")
    return Golden(home, output.read_text(encoding="utf-8"))
