"""Examines this machine and a home before a snapshot: versions, memory, disk, locks and the home's own files.

Examining the Hub belongs in `hub_examination`; checking every file in a home belongs in `verify`.
"""

import importlib.metadata
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from huggingface_hub.constants import HF_HOME
from packaging.requirements import Requirement

from hub_assets.errors import HubAssetsError
from hub_assets.home import Home
from hub_assets.hub.collect.listing import require_no_later_week
from hub_assets.identities.decisions import read_decisions
from hub_assets.identities.pseudonyms import fingerprint, secret_key
from hub_assets.lake.parts import MANIFEST
from hub_assets.lock import Activity, holder_of
from hub_assets.upkeep.findings import Finding
from hub_assets.vocabulary import REPO_TYPES
from hub_assets.warehouse.publication import older_weeks

GIB: Final = 2**30
FREE_FOR_A_RUN: Final = 2 * GIB
"""Free bytes below which a run of any size is likely to fill the disk."""
FULL_WEEK: Final = int(2.5 * GIB)
"""Estimated size of the first week of the whole Hub: in September 2026, a listing of models alone took 1.57 GB."""
WEEKS: Final = 52
MEMORY: Final = 12 * GIB
"""Bytes of memory that a week of the whole Hub may need."""


def examine_machine(root: Path, endpoint: str, population: str | None, now: datetime | None) -> Iterator[Finding]:
    """Yield a finding per check.

    Args:
        root: the home's folder, which may not exist yet.
        endpoint: the Hub's address.
        population: the population that a local Hub serves; None for the real Hub.
        now: the Hub's time; None if the Hub did not respond.
    """
    yield _versions()
    yield _memory(population)
    yield _shared_pacing()
    yield _writable(root)
    yield _lock(root)
    try:
        home = Home(root)
        home.require(endpoint.rstrip("/"), population)
        weeks = {week for repo_type in REPO_TYPES for week in home.lake.weeks(f"raw_hub__{repo_type}s")}
        if now is not None:
            require_no_later_week(home.lake, now.date() - timedelta(days=now.weekday()))
    except HubAssetsError as error:
        yield Finding("home", "failure", str(error), "Every run refuses this home.", "Follow the message.")
        return
    begun = f"{len(weeks)} weeks of {home.source}" if home.source else "empty; the first snapshot binds it to this Hub"
    yield Finding("home", "ok", f"{root}: {begun}")
    yield _secret(home)
    yield _decisions(home)
    yield _disk(home, population)


def _versions() -> Finding:
    problems = []
    for line in importlib.metadata.requires("hub-assets") or []:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(f"{requirement.name} is missing")
            continue
        if version not in requirement.specifier:
            problems.append(f"{requirement.name} {version} is not {requirement.specifier}")
    if problems:
        meaning = "hub_assets was not tested with these packages."
        return Finding(
            "versions", "warning", ", ".join(problems), meaning, "Install hub_assets again with its constraints."
        )
    return Finding("versions", "ok", f"hub_assets {importlib.metadata.version('hub-assets')} and its requirements")


def _memory(population: str | None) -> Finding:
    available = _available_memory()
    found = f"{available / GIB:.1f} GiB available"
    if population is None and available < MEMORY:
        meaning = f"A week of the whole Hub may need {MEMORY / GIB:.0f} GiB."
        remedy = "Close other programs, add swap, or limit a snapshot with --repo-type or --sample."
        return Finding("memory", "warning", found, meaning, remedy)
    return Finding("memory", "ok", found)


def _available_memory() -> int:
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        match = None
    return int(match[1]) * 1024 if match else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _shared_pacing() -> Finding:
    folder = Path(HF_HOME)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        meaning = "Processes with the same token cannot share the rate-limit state and may get 429s."
        return Finding(
            "shared pacing", "warning", f"{folder} is not writable", meaning, "Set HF_HOME to a writable folder."
        )
    return Finding("shared pacing", "ok", f"in {folder}")


def _writable(root: Path) -> Finding:
    existing = next(path for path in (root, *root.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        meaning, remedy = "No run can write there.", "Change its permissions, or choose another folder with --home."
        return Finding("folder", "failure", f"{existing} is not writable", meaning, remedy)
    return Finding("folder", "ok", f"{existing} is writable")


def _lock(root: Path) -> Finding:
    activities: tuple[Activity, ...] = ("collecting", "building")
    for activity in activities:
        path = root / f".{activity}.lock"
        if not path.exists():
            continue
        try:
            with FileLock(path, timeout=0):
                pass
        except (Timeout, OSError):
            meaning = "A snapshot would wait for up to an hour (HUB_ASSETS_WAIT)."
            found = f"held by {holder_of(root, activity)}, which is {activity}"
            return Finding("lock", "warning", found, meaning, "Wait for it or stop it.")
    return Finding("lock", "ok", "nobody is writing to the home")


def _secret(home: Home) -> Finding:
    if not home.secret.exists():
        if home.source is not None and home.is_pinned:
            meaning = "All developers would get new pseudonyms, so runs refuse to start."
            return Finding("secret", "failure", "it is missing", meaning, "Restore it from a backup.")
        return Finding("secret", "ok", "the first run creates it")
    try:
        home.check_pin(fingerprint(secret_key(home.secret)))
    except HubAssetsError as error:
        meaning = "Pseudonyms cannot be computed."
        return Finding("secret", "failure", str(error), meaning, "Restore it from a backup, or follow the message.")
    return Finding("secret", "ok", "the pseudonym key is private and the same as before")


def _decisions(home: Home) -> Finding:
    try:
        n = len(read_decisions(home.decisions))
    except HubAssetsError as error:
        return Finding(
            "decisions", "failure", str(error), "Identity resolution refuses this file.", "Correct the file."
        )
    return Finding("decisions", "ok", f"{n:,} reviewed pairs")


def _disk(home: Home, population: str | None) -> Finding:
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    week = bytes_per_week(home)
    if week is None and population is None:
        week = FULL_WEEK
    found = f"{free / GIB:,.1f} GiB free"
    if free < FREE_FOR_A_RUN:
        meaning = "A run would probably fill the disk and fail."
        return Finding("disk", "failure", found, meaning, "Free some space, or choose another disk with --home.")
    if week is not None and free < WEEKS * week:
        meaning = f"A year of weeks like these needs {WEEKS * week / GIB:,.0f} GiB."
        remedy = f"The free space lasts about {free // week} weeks; move the home to a larger disk before then."
        return Finding("disk", "warning", found, meaning, remedy)
    return Finding("disk", "ok", found + (f"; a year of weeks needs {WEEKS * week / GIB:,.1f} GiB" if week else ""))


def bytes_per_week(home: Home) -> int | None:
    """Return the average size of a week in the lake and the databases, in bytes; None if there are no weeks."""
    folders = {path.parent for path in home.lake.root.glob(f"*/*/{MANIFEST}")}
    weeks = {folder.name for folder in folders}
    if not weeks:
        return None
    lake = sum(file.stat().st_size for folder in folders for file in folder.glob("part-*"))
    older = older_weeks(home.warehouse).glob("*/*/part-*")
    built = sum(path.stat().st_size for path in (home.build, home.warehouse, *older) if path.exists())
    return (lake + built) // len(weeks)
