"""Verification reports each kind of planted damage, and finds no problem in a healthy home."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.lake.parts import MANIFEST, Part
from hub_assets.releases.documents import WEEKS
from hub_assets.resources import project
from hub_assets.upkeep.verify import Problem, verify
from hub_assets.warehouse.publication import older_weeks
from hub_assets_tests.golden import WEEK, Golden
from hub_assets_tests.upkeep.aged import aged

Damage = Callable[[Home], Path]
"""Damages a home and returns the path that verification has to name."""


def folder_of(home: Home, table: str) -> Path:
    return home.lake.folder(table, WEEK)


def part_of(home: Home, table: str) -> Path:
    return sorted(folder_of(home, table).glob("part-*"))[0]


def replace_part(home: Home, table: str, change: Callable[..., object]) -> Path:
    """Rewrite a part with changed rows and a correct digest, as only a faulty program would."""
    path = part_of(home, table)
    rows = pq.read_table(path, partitioning=None)
    manifest = home.lake.manifest(table, WEEK)
    (old,) = manifest.parts
    new = home.lake.write_part(table, WEEK, path.name, change(rows), old.counts)
    manifest.parts = [Part(new.file, old.rows, new.counts, new.size, new.digest)]
    home.lake.set_manifest(table, WEEK, manifest)
    return path


def flip(path: Path, position: float = 0.5) -> Path:
    """Flip the bits of one byte."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 0xFF
    path.write_bytes(content)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-100])
    return path


def removed(path: Path) -> Path:
    path.unlink()
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def sql(path: Path, statement: str) -> Path:
    with duckdb.connect(path) as connection:
        connection.execute(statement)
    return path


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.rglob(pattern))[0]


def manifest_without_checksum(home: Home) -> Path:
    path = folder_of(home, "raw_hub__models") / MANIFEST
    content = json.loads(path.read_text())
    content["parts"][0]["rows"] += 1
    path.write_text(json.dumps(content))
    return path.parent


def wrong_count(home: Home) -> Path:
    manifest = home.lake.manifest("raw_hub__spaces", WEEK)
    manifest.details["counts"]["listed"] += 3
    home.lake.set_manifest("raw_hub__spaces", WEEK, manifest)
    return folder_of(home, "raw_hub__spaces") / MANIFEST


def other_week(home: Home) -> Path:
    shutil.copytree(
        folder_of(home, "raw_hub__spaces"), folder := home.lake.folder("raw_hub__spaces", date(2026, 11, 9))
    )
    return first(folder, "part-*")


def stray_table(home: Home) -> Path:
    folder = home.lake.root / "raw_hub__kernels"
    folder.mkdir()
    return folder


def unlisted(home: Home) -> Path:
    shutil.rmtree(folder_of(home, "raw_hub__spaces"))
    return home.warehouse


def open_secret(home: Home) -> Path:
    home.secret.chmod(0o644)
    return home.secret


def torn_journal(home: Home) -> Path:
    return written(folder_of(home, "raw_hub__commits") / "journal-002-00000.log", "0000")


def index_page(home: Home) -> Path:
    path = first(home.dagster / "history" / "runs", "index.db")
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(4096))
    return path


def repeated(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows.slice(0, 1), rows.slice(0, len(rows) - 1)])


DAMAGES: dict[str, Damage] = {
    "a flipped byte in a part": lambda home: flip(part_of(home, "raw_hub__models")),
    "a truncated part": lambda home: cut(part_of(home, "raw_hub__commits")),
    "a missing part": lambda home: removed(part_of(home, "raw_hub__discussions")),
    "a manifest changed by hand": manifest_without_checksum,
    "a manifest that is no JSON": lambda home: written(folder_of(home, "raw_hub__models") / MANIFEST, "{").parent,
    "a missing manifest": lambda home: removed(folder_of(home, "raw_hub__datasets") / MANIFEST),
    "a count that is wrong": wrong_count,
    "a part with fewer rows": lambda home: replace_part(home, "raw_hub__models", lambda rows: rows.slice(0, 5)),
    "a part without keys": lambda home: replace_part(home, "raw_hub__spaces", lambda rows: rows.drop_columns(["_id"])),
    "a repository twice": lambda home: replace_part(home, "raw_hub__datasets", repeated).parent,
    "rows of another week": other_week,
    "histories of nobody": lambda home: (
        replace_part(
            home,
            "raw_hub__discussions",
            lambda rows: rows.set_column(rows.column_names.index("repo_key"), "repo_key", [["f" * 24] * len(rows)]),
        ).parent.parent
    ),
    "a stray part": lambda home: written(folder_of(home, "raw_hub__models") / "part-009-00000.parquet", "x"),
    "a stray table": stray_table,
    "a torn journal": torn_journal,
    "a half-written file": lambda home: written(home.root / ".warehouse.duckdb.beside", "x"),
    "a damaged warehouse": lambda home: flip(home.warehouse, 0.3),
    "a truncated build": lambda home: cut(home.build),
    "a table that is gone": lambda home: sql(
        home.warehouse, "drop table newest.stats__correlations; drop view stats__correlations"
    ),
    "a damaged older week": lambda home: flip(older_part(home)),
    "a missing older week": lambda home: removed(older_part(home)),
    "a row that is published twice": lambda home: sql(
        home.warehouse, "insert into newest.mart__repo_activity select * from newest.mart__repo_activity limit 1"
    ),
    "a null key": lambda home: sql(home.warehouse, "update newest.stats__tail_fits set repo_type = null"),
    "a week without a listing": unlisted,
    "a damaged figure": lambda home: flip(first(home.figures, "*.png")),
    "a cut figure": lambda home: cut(first(home.figures, "*.svg")),
    "a cut network": lambda home: cut(first(home.exports, "*.graphml")),
    "a damaged export": lambda home: cut(first(home.exports, "*.edges.parquet")),
    "missing nodes": lambda home: removed(first(home.exports, "usage.nodes.parquet")),
    "a damaged event log": index_page,
    "broken settings": lambda home: written(home.dagster / "dagster.yaml", "a: [b"),
    "broken decisions": lambda home: written(home.decisions, "author_a,author_b\n"),
    "another secret": lambda home: written(home.secret, "7" * 64),
    "an open secret": open_secret,
    "a broken binding": lambda home: written(home.root / "home.json", "{}"),
}


def older_part(home: Home) -> Path:
    return first(older_weeks(aged(home).warehouse) / "mart__models", "part-*")


def problems_of(root: Path) -> list[Problem]:
    home = object.__new__(Home)  # a home whose binding is broken cannot be opened, but it can be verified
    object.__setattr__(home, "root", root)
    return list(verify(home, project()))


@pytest.mark.slow
def test_a_healthy_home_has_no_problems_and_each_damage_is_named(golden: Golden, tmp_path: Path) -> None:
    assert problems_of(golden.home) == []
    assert problems_of(aged(Home(golden.copy(tmp_path / "aged"))).root) == []
    assert len(DAMAGES) >= 20
    unnamed = {}
    for n, (what, damage) in enumerate(DAMAGES.items()):
        copy = golden.copy(tmp_path / str(n))
        path = damage(Home(copy))
        found = problems_of(copy)
        if path not in {problem.where for problem in found}:
            unnamed[what] = (path, found)
        shutil.rmtree(copy)
    assert unnamed == {}


@pytest.mark.slow
def test_a_damaged_release_is_named(golden: Golden, tmp_path: Path) -> None:
    home = Home(golden.copy(tmp_path / "home"))
    built = CliRunner().invoke(cli.main, ["release", "--to", "lab/weekly", "--dry-run", "--home", str(home.root)])
    assert built.exit_code == 0, built.output
    assert problems_of(home.root) == []
    folder = home.releases / str(WEEK)
    first_file, second, *_ = sorted(folder.rglob("*.parquet"))
    flip(first_file)
    second.unlink()
    assert {problem.where for problem in problems_of(home.root)} == {first_file, second}
    (folder / WEEKS).write_text("[]")
    assert {problem.where for problem in problems_of(home.root)} == {folder / WEEKS}
