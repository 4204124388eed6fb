"""The folder that holds all data of one observatory.

The first write binds a home to its Hub. Data from another Hub is refused, so that a demo never mixes with real
snapshots. The packages that write the subfolders define their content.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from hub_assets.errors import UserError
from hub_assets.identities.pseudonyms import secret_key
from hub_assets.lake.location import lake_at
from hub_assets.lake.parts import Lake, write_beside
from hub_assets.lake.tombstones import read_tombstones
from hub_assets.lock import WAIT_MINUTES, Activity, one_writer

FORMAT = 2
"""Version of the names in a home's files. Format 1 named some tables and columns differently; `upgrade` converts it."""


class HomeError(UserError):
    """The home cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Home:
    """The folder of one observatory.

    Raises:
        HomeError: if DuckDB or Dagster's SQLite would misread the folder's path, or another version wrote the home.
    """

    root: Path

    def __post_init__(self) -> None:
        path = str(self.root)
        special = re.search(r"[\\?]|%[0-9A-Fa-f]{2}|[\ud800-\udfff]", path)
        if special:
            texts = (path, special[0])
            folder, characters = (text.encode(errors="backslashreplace").decode() for text in texts)
            raise HomeError(
                f"{folder} cannot be a home: DuckDB and SQLite give {characters} in a path a special meaning; "
                "choose another folder with --home or HUB_ASSETS_HOME"
            )
        if (written := format_of(self.root)) not in (None, FORMAT):
            raise HomeError(
                f"{self.root} was written by another version of hub_assets (format {written}, here {FORMAT}); "
                "convert it with: hub-assets upgrade"
            )

    @classmethod
    def default(cls) -> "Home":
        """Return the home at HUB_ASSETS_HOME, or at `~/.hub_assets` if that is not set."""
        return cls(Path(os.environ.get("HUB_ASSETS_HOME") or "~/.hub_assets").expanduser().absolute())

    @cached_property
    def lake(self) -> Lake:
        """The raw tables. Cached, so that each part is verified only once.

        Raises:
            LakeBinding, BucketError, BucketUnreachable: see `lake_at`.
        """
        tombstones = read_tombstones(self.forgotten, lambda: secret_key(self.secret))
        return lake_at(self.root / "lake", tombstones.scrub, self.root / "home.json")

    @cached_property
    def tables(self) -> Lake:
        """The weeks of SQL models that Spark built; empty if DuckDB builds them."""
        return Lake(self.root / "tables")

    @property
    def build(self) -> Path:
        """The database that runs write to."""
        return self.root / "build.duckdb"

    @property
    def warehouse(self) -> Path:
        """The published database, which users read; the folder `older_weeks` beside it belongs to it."""
        return self.root / "warehouse.duckdb"

    @property
    def decisions(self) -> Path:
        """The reviewed identity decisions, a file that belongs to the user."""
        return self.root / "decisions.csv"

    @property
    def withheld(self) -> Path:
        """The repositories to keep out of releases, a file that belongs to the user."""
        return self.root / "withheld.csv"

    @property
    def releases(self) -> Path:
        """The releases as folders, by week."""
        return self.root / "releases"

    @property
    def populations(self) -> Path:
        """The cache of simulated populations; it can be deleted without losing data."""
        return self.root / "populations"

    @property
    def archives(self) -> Path:
        """Facts about the archives' uploads, and unfinished downloads; both can be fetched again."""
        return self.root / "archives"

    @property
    def figures(self) -> Path:
        """The figures, one folder per week."""
        return self.report / "figures"

    @property
    def report(self) -> Path:
        """The report sites, one folder per week."""
        return self.root / "report"

    @property
    def search(self) -> Path:
        """The search indexes, a folder per week."""
        return self.root / "search"

    @property
    def exports(self) -> Path:
        """The networks as files for other programs, by week."""
        return self.root / "exports"

    @property
    def secret(self) -> Path:
        """The key for the pseudonyms."""
        return self.root / "secret"

    @property
    def forgotten(self) -> Path:
        """The tombstones of erased people."""
        return self.root / "forgotten.json"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: runs, events and schedules."""
        return self.root / "dagster"

    @property
    def weeks(self) -> list[date]:
        """The weeks with any raw data, oldest first."""
        tables = [folder.name for folder in self.lake.root.glob("*") if folder.is_dir()]
        return sorted({week for table in tables for week in self.lake.weeks_begun(table)})

    @property
    def source(self) -> str | None:
        """The Hub that this home is bound to; None before the first write.

        Raises:
            HomeError: if `home.json` is unreadable.
        """
        path = self.root / "home.json"
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["source"]) if path.exists() else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HomeError(f"{path} is unreadable ({error}); restore it, or choose another --home") from error

    @contextmanager
    def written_by(self, what: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold both locks in order to change raw data and tables together; see `locked`."""
        with self.locked("collecting", what, tell), self.locked("building", what, tell):
            yield

    @contextmanager
    def locked(self, activity: Activity, what: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold one of the home's locks, waiting first if another process holds it.

        The wait is limited to HUB_ASSETS_WAIT minutes (default: 60).

        Args:
            activity: what the lock is for. Do not request `collecting` while holding `building`.
            what: describes this writer in the messages of processes that wait for it.
            tell: receives messages that name the current writer.

        Raises:
            HomeError: if the folder is not writable, or HUB_ASSETS_WAIT is not a number.
            HomeBusy: if another process still holds the lock after that time.
        """
        minutes = os.environ.get("HUB_ASSETS_WAIT") or str(WAIT_MINUTES)
        if not re.fullmatch(r"\d+(\.\d+)?", minutes):
            raise HomeError(f"HUB_ASSETS_WAIT is {minutes!r}; set it to a number of minutes, or unset it")
        with ExitStack() as stack:
            try:
                stack.enter_context(one_writer(self.root, activity, what, tell, float(minutes)))
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def pin(self, fingerprint: str) -> None:
        """Pin a bound home to the secret behind its pseudonyms, or check that the secret has not changed.

        Args:
            fingerprint: identifies the secret without revealing it.

        Raises:
            HomeError: if the secret has changed, because a person's pseudonym would then differ between weeks.
        """
        if self.source is None:
            return
        self.check_pin(fingerprint)
        path = self.root / "home.json"
        binding = json.loads(path.read_text(encoding="utf-8")) | {"secret": fingerprint}
        write_beside(path, lambda beside: beside.write_text(json.dumps(binding)))

    @property
    def is_pinned(self) -> bool:
        """Whether the home is pinned to a secret."""
        path = self.root / "home.json"
        return path.exists() and "secret" in json.loads(path.read_text(encoding="utf-8"))

    def check_pin(self, fingerprint: str) -> None:
        """Check a secret against the one that the home is pinned to, if any.

        Raises:
            HomeError: see `pin`.
        """
        path = self.root / "home.json"
        if self.is_pinned and json.loads(path.read_text(encoding="utf-8"))["secret"] != fingerprint:
            raise HomeError(
                f"{self.secret} is not the secret behind the pseudonyms of earlier weeks. Restore it from a backup, or "
                f"remove `secret` from {path} to give everyone new pseudonyms from now on"
            )

    def require(self, endpoint: str, population: str | None) -> str:
        """Check that this home is unbound or bound to this Hub, and return the name that `home.json` uses for the Hub.

        Args:
            endpoint: the Hub's address.
            population: the population that a local Hub reports, which identifies that Hub even if its address changes;
                None for other Hubs.

        Raises:
            HomeError: if the home holds data from another Hub.
        """
        source = f"local hub, {population}" if population else endpoint
        if self.source not in (None, source):
            raise HomeError(
                f"{self.root} holds data from {self.source} and cannot also hold data from {source}; "
                "choose another folder with --home or HUB_ASSETS_HOME"
            )
        return source

    def bind(self, endpoint: str, population: str | None) -> None:
        """Bind this home to a Hub, or check that it is already bound to the same Hub.

        Args:
            endpoint, population: see `require`.

        Raises:
            HomeError: if the home holds data from another Hub, or the folder is not writable.
        """
        source = self.require(endpoint, population)
        if self.source is None:
            try:
                write_beside(
                    self.root / "home.json",
                    lambda beside: beside.write_text(json.dumps({"source": source, "format": FORMAT})),
                )
            except OSError as error:
                raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> HomeError:
        return HomeError(f"{self.root} is not writable ({error.strerror}); choose another folder with --home")


def format_of(root: Path) -> int | None:
    """Return the format that a home was written in; None if the folder is not a home yet.

    Raises:
        HomeError: if its `home.json` cannot be read.
    """
    path = root / "home.json"
    try:
        if not path.exists():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        return int(content.get("format", 1)) if content["source"] else 1
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise HomeError(f"{path} cannot be read ({error}); restore it, or choose another home with --home") from error


def is_simulated(source: str | None) -> bool:
    """Return whether a home's source is a Hub whose repositories are invented."""
    return bool(source and source.startswith("local hub, simulated"))
