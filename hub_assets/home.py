"""Where everything of one observatory lives on disk, and whose data it holds.

A home is stamped at its first write with the Hub it is filled from; data of another Hub is refused, so that a demo
never lands among real snapshots. What the folders hold is the business of the rooms that write there.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from hub_assets.lake.parts import Lake, write_beside


class HomeError(Exception):
    """The home cannot be used for this, and why."""


@dataclass(frozen=True)
class Home:
    """The folder of one observatory."""

    root: Path

    @classmethod
    def default(cls) -> "Home":
        """Return the home that HUB_ASSETS_HOME names, else `~/.hub_assets`."""
        return cls(Path(os.environ.get("HUB_ASSETS_HOME") or "~/.hub_assets").expanduser().absolute())

    @property
    def lake(self) -> Lake:
        """The raw tables."""
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

    def stamp(self, endpoint: str, population: str | None) -> None:
        """Take this home for one Hub, or make sure that it was taken for the same one before.

        Args:
            endpoint: the Hub's address.
            population: what a Hub that is not the real one says it serves; its address may then change.

        Raises:
            HomeError: if the home holds data of another Hub, or the folder cannot be written.
        """
        source = f"local hub, {population}" if population else endpoint
        if self.source is None:
            try:
                write_beside(self.root / "home.json", lambda beside: beside.write_text(json.dumps({"source": source})))
            except OSError as error:
                raise HomeError(
                    f"{self.root} cannot be written ({error.strerror}); name another with --home"
                ) from error
        elif self.source != source:
            raise HomeError(
                f"{self.root} holds data of {self.source} and takes none of {source}; "
                "name another folder with --home (or HUB_ASSETS_HOME)"
            )
