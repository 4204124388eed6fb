"""Damage to a home (flipped bits, kill -9, a full disk) does no harm, is repaired by the next run, or is reported.

The default is one round: 50 flips, 1 kill and 1 full disk. HUB_ASSETS_TEST_ROUNDS=10 runs ten rounds.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hub_assets.home import Home
from hub_assets.hub.collect.listing import land_listing
from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.errors import HubError
from hub_assets.hub.sources.listings import LISTINGS
from hub_assets.lake.parts import Lake, LakeError
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.warehouse.database import WarehouseError, connect
from hub_assets_tests.integration.home_week import raw_rows_of, tables_of, take_week
from hub_assets_tests.killing import ended, started

ROUNDS = int(os.environ.get("HUB_ASSETS_TEST_ROUNDS", "1"))
FLIPS = 50 * ROUNDS
WEEK = date(2026, 11, 16)
KINDS = ("part", "manifest", "build", "warehouse", "cut-off part", "cut-off manifest", "cut-off journal", "log")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(build_app(simulated(WEEK, scale=0.0003), quota=Quota(10**6, 300))) as url:
        yield url


@pytest.fixture(scope="module")
def undisturbed(url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, float]:
    """A home with an undamaged week, and the seconds it took to build."""
    root = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    ended(started(take_week, str(root), url, str(WEEK)), None, 1200)
    return Home(root), time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_next_run_repairs_home_after_kill_and_full_disk(
    round_: int, url: str, undisturbed: tuple[Home, float], tmp_path: Path
) -> None:
    whole, seconds = undisturbed
    rng = random.Random(round_)
    with small_disk(tmp_path / "disk") as disk:
        root = disk.folder / "home"
        process = started(take_week, str(root), url, str(WEEK))
        process.join(rng.uniform(0.05, 1) * seconds)
        process.kill()
        process.join()
        was_killed = process.exitcode == -signal.SIGKILL
        unfinished = set(root.rglob("*.beside*"))
        done = sorted(path.parent.parent.name for path in root.glob("lake/*/*/_manifest.json"))
        process.close()
        disk.limit(rng.uniform(0, 1), whole.root)
        said = tmp_path / "said"
        ended(started(run_on_full_disk, str(root), url, str(said), disk.largest_file), None, 1200)
        print(f"round {round_}: killed {was_killed}, tables begun {len(done)}, {said.read_text()}")
        # a full disk leaves nothing behind, and what a kill left is gone after the next complete run
        assert set(root.rglob("*.beside*")) <= unfinished
        disk.lift()
        ended(started(take_week, str(root), url, str(WEEK)), None, 1200)
        assert not list(root.rglob("*.beside*"))
        repaired = Home(root)
        assert tables_of(repaired.warehouse, with_times=False) == tables_of(whole.warehouse, with_times=False)
        assert raw_rows_of(repaired) == raw_rows_of(whole)


class SmallDisk:
    """A disk with adjustable free space: a tmpfs, or a file size limit if mounting is not allowed."""

    SIZE = "512m"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.largest_file: int | None = None
        self.is_mounted = self._mount("-t", "tmpfs", "-o", f"size={self.SIZE}", "tmpfs")

    def limit(self, share: float, whole: Path) -> None:
        """Reduce the free space to a share of what a home like `whole` still needs."""
        sizes = [path.stat().st_size for path in whole.rglob("*") if path.is_file()]
        if self.is_mounted:
            used = shutil.disk_usage(self.folder).used
            self._mount("-o", f"remount,size={used + int(share * max(sum(sizes) - used, 2**20))}")
        else:
            self.largest_file = int(share * max(sizes) / 2)

    def lift(self) -> None:
        """Restore all free space."""
        self.largest_file = None
        if self.is_mounted:
            self._mount("-o", f"remount,size={self.SIZE}")

    def _mount(self, *arguments: str) -> bool:
        command = ["mount", *arguments, str(self.folder)]
        return sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    folder.mkdir()
    disk = SmallDisk(folder)
    try:
        yield disk
    finally:
        if disk.is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def run_on_full_disk(root: str, url: str, said: str, largest_file: int | None) -> None:
    """Run the week on a full disk: it succeeds if there is enough space; otherwise its error reports a full disk."""
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        take_week(root, url, str(WEEK))
        Path(said).write_text("there was enough space")
    except AssertionError as error:
        message = str(error)
        Path(said).write_text(f"the disk was full: {message[-300:]}")
        assert "cannot rollback" not in message
        assert "FatalException" not in message
        assert "disk is full" in message or "No space left" in message or "File too large" in message, message


@pytest.mark.slow
def test_flipped_bit_is_harmless_repaired_or_reported_with_the_file(
    url: str, undisturbed: tuple[Home, float], tmp_path: Path
) -> None:
    home, _ = undisturbed
    cut_off = tmp_path / "cut-off"
    cut_listing_off(Lake(cut_off))
    log = database_with_log(tmp_path / "with-log")
    truth: dict[str, Any] = {
        "raw": raw_rows_of(home),
        "build": tables_of(home.build),
        "warehouse": tables_of(home.warehouse),
        "models": [rows for name, rows in raw_rows_of(home).items() if "raw_hub__models" in name],
    }
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in range(FLIPS):
        rng = random.Random(number)
        kind = KINDS[number % len(KINDS)]
        folder = shutil.copytree(cut_off, tmp_path / "flipped" / "lake") if "cut-off" in kind else None
        file = rng.choice(files_of(kind, home, folder, log))
        with flipped(file, rng):
            outcome = outcome_of(kind, file, home, folder, truth, url)
        outcomes[kind, outcome] += 1
        shutil.rmtree(tmp_path / "flipped", ignore_errors=True)
    print(dict(sorted(outcomes.items())))
    assert outcomes.total() == FLIPS
    # some flips must be refused and some must not, otherwise the test proves nothing
    assert {kind for kind, outcome in outcomes if outcome == "refused"} >= {"part", "build", "warehouse"}
    assert outcomes["cut-off journal", "right or repaired"] > 0


def outcome_of(kind: str, file: Path, home: Home, cut_off: Path | None, truth: dict[str, Any], url: str) -> str:
    """Read the data behind a damaged file and return the outcome. Assert that no wrong rows are read."""
    found: Any
    try:
        match kind:
            case "part" | "manifest":
                found, expected = raw_rows_of(Home(home.root)), truth["raw"]
            case "build" | "warehouse":
                found, expected = tables_of(file), truth[kind]
            case "log":
                found = tables_of(file.with_name(file.stem))
                expected = found if found in states_of_log() else states_of_log()
            case _:
                assert cut_off is not None
                land_listing(HubClient(url, False), Lake(cut_off), LISTINGS["model"], WEEK, page_size=50)
                found, expected = [*raw_rows_of(Home(cut_off.parent)).values()], truth["models"]
    except (LakeError, WarehouseError) as error:
        message = str(error)
    else:
        assert found == expected, (kind, file)
        return "right or repaired"
    # a damaged manifest may also make one of its parts look damaged
    assert str(file).removesuffix(".wal") in message or file.name == "_manifest.json", (kind, file, message)
    return "refused"


@contextmanager
def flipped(file: Path, rng: random.Random) -> Iterator[None]:
    before = file.read_bytes()
    after = bytearray(before)
    # half of the flips hit the start of the file, which usually contains metadata
    at = rng.randrange(len(after) if rng.random() < 0.5 else min(len(after), 16_384))
    after[at] ^= 1 << rng.randrange(8)
    file.write_bytes(after)
    try:
        yield
    finally:
        file.write_bytes(before)


def files_of(kind: str, home: Home, cut_off: Path | None, log: Path) -> list[Path]:
    """Return the files of a kind, sorted."""
    lake = cut_off or home.lake.root
    match kind.removeprefix("cut-off "):
        case "build" | "warehouse":
            return [getattr(home, kind)]
        case "log":
            return [log.with_name(f"{log.name}.wal")]
        case "part":
            return sorted(lake.glob("*/*/part-*"))
        case "journal":
            return sorted(lake.glob("*/*/journal-*"))
        case _:
            return sorted(lake.glob("*/*/_manifest.json"))


def cut_listing_off(lake: Lake) -> None:
    """Interrupt a listing of models so that it leaves parts, a manifest and a journal."""
    app = build_app(simulated(WEEK, scale=0.0003), quota=Quota(10**6, 300), faults=Faults.parse(["503@6"]))
    options: dict[str, Any] = {"page_size": 10, "flush_bytes": 20_000, "outage_backoff": ()}
    with running(app) as url, pytest.raises(HubError):
        land_listing(HubClient(url, False, attempts=1), lake, LISTINGS["model"], WEEK, **options)
    assert {path.name.partition("-")[0] for path in lake.folder("raw_hub__models", WEEK).iterdir()} >= {
        "part",
        "journal",
        "_manifest.json",
    }


def database_with_log(path: Path) -> Path:
    """Create a database that still has the write-ahead log of a killed process, and return its path."""
    path.mkdir()
    ended(started(write_and_die, str(path / "build.duckdb")))
    return path / "build.duckdb"


def write_and_die(path: str) -> None:
    with connect(Path(path)) as connection:
        connection.execute("create table t (n bigint)")
    with connect(Path(path)) as connection:
        for n in range(1, 4):
            connection.execute("insert into t select range from range(?)", [n])
        os.kill(os.getpid(), signal.SIGKILL)


def states_of_log() -> list[dict[str, Any]]:
    """Return the valid states of that database: those after its first k transactions, for each k."""
    return [{"t": sorted((n,) for size in range(1, 1 + k) for n in range(size))} for k in range(4)]
