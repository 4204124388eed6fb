"""The golden home: one complete week, made once by running the command, for tests that need an existing week.

All pytest-xdist workers share it: the first one that needs it builds it under a lock while the others wait. Tests that
change a home use a copy. Other tests check how a week is built.
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
"""A Wednesday, because the command accepts any day of a week."""
SCALE: Final = 0.003
SEED: Final = 3
"""A seed whose small Hub has many pairs of names, including some for each possible decision."""


@dataclass(frozen=True)
class Golden:
    """The home, and the output of the command that built it."""

    home: Path
    output: str

    def copy(self, to: Path) -> Path:
        """Return a copy that a test may change."""
        # SQLite creates and removes these files, which are empty, while another test reads Dagster's events
        return Path(shutil.copytree(self.home, to, ignore=shutil.ignore_patterns("*.db-wal", "*.db-shm")))


def hub_of(week: date = WEEK) -> Population:
    """Return the population behind the golden home, in its week or another week."""
    return simulated(week, scale=SCALE, seed=SEED)


def golden_in(folder: Path) -> Golden:
    """Return the golden home in a folder, building it if no other process has done so."""
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
