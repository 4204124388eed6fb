"""The golden home: one complete week, made once by running the command, for tests that need an existing week.

All pytest-xdist workers share it: the first one that needs it builds it under a lock while the others wait. Later test
runs on the same day reuse it until the code or an installed package changes; some tests compare its age with today.
Tests that change a home use a copy. Other tests check how a week is built.
"""

import hashlib
import importlib.metadata
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from filelock import FileLock

from hub_assets import cli
from hub_assets.lake.parts import write_beside
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import simulated

WEEK: Final = date(2026, 11, 16)
ASKED_FOR: Final = date(2026, 11, 18)
"""A Wednesday, because the command accepts any day of a week."""
SCALE: Final = 0.003
SEED: Final = 3
"""A seed whose small Hub has many pairs of names, including some for each possible decision."""
_ROOT: Final = Path(__file__).parents[1]


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
    """Return the golden home that this code builds, building it if `folder` has only homes of other versions."""
    mine = folder / _KEY
    home, output = mine / "home", mine / "output.txt"
    mine.mkdir(parents=True, exist_ok=True)
    with FileLock(mine / "lock"):
        if not output.exists():
            if home.exists():  # its run was killed
                shutil.rmtree(home)
            options = f"--week {ASKED_FOR} --scale {SCALE} --seed {SEED} --budget none"
            made = CliRunner().invoke(cli.main, ["demo", "--home", str(home), *options.split()])
            assert made.exit_code == 0, made.output
            write_beside(output, lambda beside: beside.write_text(made.output, encoding="utf-8"))
            _remove_old(folder)
    return Golden(home, output.read_text(encoding="utf-8"))


def _remove_old(folder: Path) -> None:
    """Remove homes older than a day, which no running test uses."""
    for output in folder.glob("*/output.txt"):
        if time.time() - output.stat().st_mtime > 24 * 3600:
            output.unlink()
            shutil.rmtree(output.parent)


def _key() -> str:
    """Return a hash of what the golden home depends on: the code, its packages, this file, the day and the path."""
    digest = hashlib.sha256(f"{_ROOT} {datetime.now(UTC).date()} {sys.version}".encode())
    for path in (Path(__file__), *sorted(_ROOT.glob("hub_assets/**/*")), *sorted(_ROOT.glob("dbt_like_sql/**/*"))):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path).encode() + path.read_bytes())
    for each in sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions()):
        digest.update(each.encode())
    return digest.hexdigest()[:16]


_KEY: Final = _key()
"""Computed at import, so that it describes the code in memory even if a file changes later."""
