"""A cache of simulated weeks as Arrow files: a large week is built only once, and served without being loaded first.

A cached week is a folder whose name contains its parameters and a hash of the code that built it. After a code change,
the week is therefore built again. Its tables are mapped into memory, so only the parts that are served are read from
disk. Building the content belongs in `build`.
"""

import hashlib
import json
import os
import shutil
from datetime import date
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import scipy

from hub_assets.local_hub.simulated.build import Simulation, assembled, build


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
    beside = folder / f"{name}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    simulation = build(monday, scale, seed, partial(_put, beside))
    about = {"identity": simulation.identity, "renames": simulation.renames}
    (beside / "about.json").write_text(json.dumps(about), encoding="utf-8")
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


def _put(folder: Path, name: str, table: pa.Table) -> pa.Table:
    """Write a table as a single record batch, because taking rows from many is slow; return it mapped from the file."""
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table, max_chunksize=max(len(table), 1))
    return _mapped(folder, name)


def _mapped(folder: Path, name: str) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()


def _read(folder: Path, monday: date) -> Simulation:
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return assembled(about["identity"], monday, about["renames"], partial(_mapped, folder))


@cache
def _version() -> str:
    """Return a hash of the code that builds simulated weeks and of the versions of the libraries it calls."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    libraries = " ".join(library.__version__ for library in (np, pa, scipy))
    return hashlib.sha256(code + libraries.encode()).hexdigest()[:12]
