"""The golden home: one complete week, made once by running the command, for tests that need an existing week.

All pytest-xdist workers share it: the first one that needs it builds it under a lock while the others wait. Later test
runs reuse it for a few hours, unless the code or an installed package has changed. Tests that change a home use a copy.
Other tests check how a week is built.
"""

import hashlib
import importlib.metadata
import shutil
import time
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
ROOT: Final = Path(__file__).parents[1]
_MOST_SECONDS: Final = 6 * 3600
"""An older golden home is built again, because some tests compare the time of its run with today."""


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
    """Return the golden home in a folder, building it if the folder has none that this code built recently."""
    folder.mkdir(parents=True, exist_ok=True)
    home, output = folder / "home", folder / "output.txt"
    built_by = f"built by {_code()}\n"
    with FileLock(folder / "lock"):
        is_recent = output.exists() and time.time() - output.stat().st_mtime < _MOST_SECONDS
        if not (is_recent and output.read_text(encoding="utf-8").startswith(built_by)):
            output.unlink(missing_ok=True)
            shutil.rmtree(home, ignore_errors=True)
            command = [
                "demo",
                "--home",
                home,
                "--week",
                ASKED_FOR,
                "--scale",
                SCALE,
                "--seed",
                SEED,
                "--budget",
                "none",
            ]
            made = CliRunner().invoke(cli.main, [str(argument) for argument in command])
            assert made.exit_code == 0, made.output
            output.write_text(built_by + made.output, encoding="utf-8")
    return Golden(home, output.read_text(encoding="utf-8").removeprefix(built_by))


def _code() -> str:
    """Return a hash of the project's files and the versions of all installed packages."""
    digest = hashlib.sha256()
    for package in ("hub_assets", "dbt_like_sql"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    versions = sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions())
    digest.update("\n".join((*versions, str(SCALE), str(SEED), str(ASKED_FOR))).encode())
    return digest.hexdigest()
