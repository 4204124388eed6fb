"""Simulated weeks kept as Parquet, so that a large one is made only once.

A kept week is a folder, named after what it was made of and a hash of the code that made it: after a change of the
code it is made anew. What is in it is said by `build`.
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

from hub_assets.local_hub.fields import REPO_TYPES
from hub_assets.local_hub.simulated.build import AnswerKey, History, Simulation, build


def kept(folder: Path, monday: date, scale: float, seed: int) -> Simulation:
    """Return a simulated week from a folder of kept ones; make and keep it if it is not there, or damaged.

    Raises:
        OSError: if it cannot be written.
    """
    name = f"simulated-{scale!r}-{seed}-{monday}"
    place = folder / f"{name}-{_version()}"
    if place.exists():
        try:
            return _read(place, monday)
        except (ValueError, KeyError, OSError):  # Arrow's errors and JSON's are among them
            shutil.rmtree(place)
    simulation = build(monday, scale, seed)
    beside = folder / f"{name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _write(simulation, beside)
    try:
        beside.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(beside)  # another process was faster; the same seed makes the same bytes
    for old in folder.glob(f"{name}-*"):
        if old != place:
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
        # ids of commits are random bytes, which neither pack nor repeat
        loose = pa.types.is_fixed_size_binary
        packing = {field.name: "none" if loose(field.type) else "zstd" for field in table.schema}
        # one group of rows: several would be put together again at each start, which takes half a second at scale 1
        group = max(len(table), 1)
        pq.write_table(table, folder / f"{name}.parquet", compression=packing, row_group_size=group)
    about = {"identity": simulation.identity, "renames": simulation.renames}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _read(folder: Path, monday: date) -> Simulation:
    def table(name: str) -> pa.Table:
        with pq.ParquetFile(folder / f"{name}.parquet") as file:  # `read_table` gives it in many pieces
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
    """Return a hash of the code that makes simulated weeks, and of the libraries that it calls."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    libraries = " ".join(library.__version__ for library in (np, pa, scipy))
    return hashlib.sha256(code + libraries.encode()).hexdigest()[:12]
