"""Where everything of one observatory lives on disk, and whose data it holds.

A home is stamped at its first write with the Hub it is filled from; data of another Hub is refused, so that a demo
never lands among real snapshots. What the folders hold is the business of the rooms that write there.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hub_assets.lake.parts import Lake, write_beside
from hub_assets.lock import WAIT_MINUTES, one_writer


class HomeError(Exception):
    """The home cannot be used for this, and why."""


@dataclass(frozen=True)
class Home:
    """The folder of one observatory.

    Raises:
        HomeError: if the folder has a name that DuckDB or Dagster's SQLite would read as another one.
    """

    root: Path

    def __post_init__(self) -> None:
        path = str(self.root)
        odd = re.search(r"[\\?]|%[0-9A-Fa-f]{2}|[\ud800-\udfff]", path)
        if odd:
            folder, culprit = (text.encode(errors="backslashreplace").decode() for text in (path, odd[0]))
            raise HomeError(
                f"{folder} cannot be a home: DuckDB and SQLite take {culprit} in a path for something else; "
                "name another folder with --home (or HUB_ASSETS_HOME)"
            )

    @classmethod
    def default(cls) -> "Home":
        """Return the home that HUB_ASSETS_HOME names, else `~/.hub_assets`."""
        return cls(Path(os.environ.get("HUB_ASSETS_HOME") or "~/.hub_assets").expanduser().absolute())

    @cached_property
    def lake(self) -> Lake:
        """The raw tables; one object, so that each part is verified once."""
        return Lake(self.root / "lake")

    @property
    def build(self) -> Path:
        """The database that runs write."""
        return self.root / "build.duckdb"

    @property
    def warehouse(self) -> Path:
        """The database that people read."""
        return self.root / "warehouse.duckdb"

    @property
    def decisions(self) -> Path:
        """What people decided on who is who; theirs to keep."""
        return self.root / "decisions.csv"

    @property
    def populations(self) -> Path:
        """Simulated Hubs that were made once; of no use to any observatory."""
        return self.root / "populations"

    @property
    def figures(self) -> Path:
        """What was drawn, by week."""
        return self.root / "report" / "figures"

    @property
    def exports(self) -> Path:
        """Networks for other programs, by week."""
        return self.root / "exports"

    @property
    def secret(self) -> Path:
        """The key of the pseudonyms."""
        return self.root / "secret"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: runs, events and schedules."""
        return self.root / "dagster"

    @property
    def source(self) -> str | None:
        """The Hub that this home was stamped with; None before its first write.

        Raises:
            HomeError: if the stamp cannot be read.
        """
        path = self.root / "home.json"
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["source"]) if path.exists() else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HomeError(f"{path} cannot be read ({error}); restore it, or name another home with --home") from error

    @contextmanager
    def written_by(self, what: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Be the home's only writer, after waiting for another one for HUB_ASSETS_WAIT minutes (60 by default).

        Args:
            what: the writer's name, shown to others that wait.
            tell: receives a message that names the writer we wait for.

        Raises:
            HomeError: if the folder cannot be written, or HUB_ASSETS_WAIT is no number.
            HomeBusy: if the other writer is not done by then.
        """
        said = os.environ.get("HUB_ASSETS_WAIT") or str(WAIT_MINUTES)
        if not re.fullmatch(r"\d+(\.\d+)?", said):
            raise HomeError(f"HUB_ASSETS_WAIT is {said!r}; set it to a number of minutes, or unset it")
        with ExitStack() as stack:
            try:
                stack.enter_context(one_writer(self.root, what, tell, float(said)))
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def seal(self, fingerprint: str) -> None:
        """Remember which secret makes the pseudonyms of a stamped home, or make sure that it is the same as before.

        Args:
            fingerprint: of the secret, which does not tell it.

        Raises:
            HomeError: if it is another: pseudonyms of one person would differ from week to week.
        """
        if self.source is None:
            return
        path = self.root / "home.json"
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.setdefault("secret", fingerprint) != fingerprint:
            raise HomeError(
                f"{self.secret} is not the secret that made the pseudonyms of earlier weeks; restore it from a backup, "
                f"or take `secret` out of {path}, and the pseudonyms of all later weeks will be others"
            )
        write_beside(path, lambda beside: beside.write_text(json.dumps(kept)))

    def require(self, endpoint: str, population: str | None) -> str:
        """Make sure that this home is free, or was taken for this Hub before, and return the Hub's name in the stamp.

        Args:
            endpoint: the Hub's address.
            population: what a Hub that is not the real one says it serves; its address may then change.

        Raises:
            HomeError: if the home holds data of another Hub.
        """
        source = f"local hub, {population}" if population else endpoint
        if self.source not in (None, source):
            raise HomeError(
                f"{self.root} holds data of {self.source} and takes none of {source}; "
                "name another folder with --home (or HUB_ASSETS_HOME)"
            )
        return source

    def stamp(self, endpoint: str, population: str | None) -> None:
        """Take this home for one Hub, or make sure that it was taken for the same one before.

        Args:
            endpoint, population: see `require`.

        Raises:
            HomeError: if the home holds data of another Hub, or the folder cannot be written.
        """
        source = self.require(endpoint, population)
        if self.source is None:
            try:
                write_beside(self.root / "home.json", lambda beside: beside.write_text(json.dumps({"source": source})))
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> HomeError:
        return HomeError(f"{self.root} cannot be written ({error.strerror}); name another with --home")
