"""A cache of simulated weeks as Parquet files, so that a large week is built only once.

A cached week is a folder whose name contains its parameters and a hash of the code that built it. After a code change,
the week is therefore built again. Its content belongs in `build`.
"""

import hashlib
import json
import os
import shutil
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy

from hub_assets.local_hub.simulated.build import AnswerKey, History, Simulation, build
from hub_assets.vocabulary import REPO_TYPES


def cached_week(folder: Path, monday: date, scale: float, seed: int) -> Simulation:
    """Return a simulated week from the cache; build and store it if it is missing or damaged.

    Raises:
        OSError: if the cache cannot be written.
    """
    name = f"simulated-{scale!r}-{seed}-{monday}"
    week = folder / f"{name}-{_version()}"
    if week.exists():
        try:
            return _read(week, monday)
        except (ValueError, KeyError, OSError):  # includes errors from Arrow and JSON
            shutil.rmtree(week)
    simulation = build(monday, scale, seed)
    beside = folder / f"{name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _write(simulation, beside)
    try:
        beside.rename(week)
    except OSError:
        if not week.exists():
            raise
        shutil.rmtree(beside)  # another process was faster, and the same seed gives the same bytes
    for old in folder.glob(f"{name}-*"):
        if old != week:
            shutil.rmtree(old, ignore_errors=True)
    return simulation


def _write(simulation: Simulation, folder: Path) -> None:
    tables = {
        "accounts": simulation.accounts,
        "members": simulation.members,
        "authors": simulation.authors,
        "key-people": simulation.key.people,
        "key-usage": simulation.key.usage,
    }
    for kind in REPO_TYPES:
        history = simulation.histories[kind]
        tables |= {
            f"{kind}s": simulation.repos[kind],
            f"commits-of-{kind}s": history.commits,
            f"discussions-of-{kind}s": history.discussions,
            f"offsets-of-{kind}s": pa.table(
                {"commits": history.commit_offsets, "discussions": history.discussion_offsets}
            ),
        }
    for name, table in tables.items():
        # commit ids are random bytes, which neither compress nor repeat
        loose = pa.types.is_fixed_size_binary
        packing = {field.name: "none" if loose(field.type) else "zstd" for field in table.schema}
        # a single row group, because joining several at each start takes half a second at scale 1
        group = max(len(table), 1)
        pq.write_table(table, folder / f"{name}.parquet", compression=packing, row_group_size=group)
    about = {"identity": simulation.identity, "renames": simulation.renames}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _read(folder: Path, monday: date) -> Simulation:
    def table(name: str) -> pa.Table:
        with pq.ParquetFile(folder / f"{name}.parquet") as file:  # `read_table` returns many chunks
            return file.read()

    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    histories = {}
    for kind in REPO_TYPES:
        offsets = table(f"offsets-of-{kind}s")
        commits, discussions = (offsets[name].to_numpy().astype(np.int64) for name in ("commits", "discussions"))
        histories[kind] = History(table(f"commits-of-{kind}s"), commits, table(f"discussions-of-{kind}s"), discussions)
    return Simulation(
        identity=about["identity"],
        week=monday,
        repos={kind: table(f"{kind}s") for kind in REPO_TYPES},
        accounts=table("accounts"),
        members=table("members"),
        renames=about["renames"],
        authors=table("authors"),
        histories=histories,
        key=AnswerKey(table("key-people"), table("key-usage")),
    )


@cache
def _version() -> str:
    """Return a hash of the code that builds simulated weeks and of the libraries it calls."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    libraries = " ".join(library.__version__ for library in (np, pa, scipy))
    return hashlib.sha256(code + libraries.encode()).hexdigest()[:12]
