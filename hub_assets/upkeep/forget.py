"""Erases a person from everything in a home: raw rows, databases, decisions, exports, report and Dagster's storage.

Each of the person's names is replaced by its own random token, which is the same wherever the name occurs, so counts
do not change. `lake.tombstones` keeps the names out of later crawls. Search indexes and built releases are deleted,
because they can be built again. Backups and published releases are listed, not changed. Asking for consent and removing
data published elsewhere do not belong here.
"""

import hashlib
import html
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy

from hub_assets.errors import UserError
from hub_assets.home import Home
from hub_assets.identities.decisions import SCHEMA, ordered, read_decisions, write_decisions
from hub_assets.identities.merging import ID_LENGTH
from hub_assets.identities.pseudonyms import pseudonyms, secret_key
from hub_assets.lake.journal import Journal
from hub_assets.lake.landing import Record
from hub_assets.lake.parts import MANIFEST, Lake, Part, write_beside
from hub_assets.lake.tombstones import NAMING, PREFIX, own_pattern, read_tombstones, walk, write_tombstones
from hub_assets.releases.commit import published_releases
from hub_assets.scratch import scratch
from hub_assets.sql import parquet
from hub_assets.upkeep.backup import known_backups
from hub_assets.warehouse.database import connect, rewrite
from hub_assets.warehouse.publication import older_weeks, require_intact, rewrite_published, show_weeks
from hub_assets.warehouse.sql_project import Project

_BESIDE_NAMES: Final = {"fullname": ("author", "name"), "full_name_a": ("author_a",), "full_name_b": ("author_b",)}
"""Maps each column with a person's display name to the columns that may name the same person."""
_TEXTS: Final = frozenset(
    (".json", ".csv", ".html", ".svg", ".graphml", ".xml", ".md", ".txt", ".js", ".yaml", ".out", ".err", ".log")
)
_WORD_COLUMNS: Final = ("tags", "pipeline_tag", "library_name", "sdk")


class ForgetRefused(UserError):
    """A name cannot be erased; the message says why."""


@dataclass
class Erasure:
    """The result of an erasure.

    `names` maps each name to its token. `words` are names that are also terms in the data; they are replaced only in
    fields that name somebody and where they are namespaces. `counts` is the number of changed text values by stage.
    `changed_numbers` lists published tables in which a number changed, which would be a defect. `backups` and
    `releases` list the backups and published releases that may still contain the person's names.
    """

    names: dict[str, str]
    words: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    changed_numbers: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)


class Eraser:
    """Replaces names with tokens in strings, Arrow tables and JSON. `n` counts the strings that changed.

    Args:
        tokens: the token of each name.
        words: names that are also terms in the data.
        naming: fields whose entire value is a name.
    """

    def __init__(self, tokens: Mapping[str, str], words: Iterable[str], naming: Iterable[str]) -> None:
        self.tokens = dict(tokens)
        self.n = 0
        self._words = set(words)
        self._naming = {*NAMING, *naming}
        everywhere = sorted((name for name in tokens if name not in self._words), key=len, reverse=True)
        # handles contain dots and hyphens, so `ada` must not be found in `ada-b` or `ada.b`
        patterns = [rf"(?<![\w-])(?<!\w\.){re.escape(name)}(?![\w-])(?!\.\w)" for name in everywhere]
        patterns += [rf"(?<![\w.-]){re.escape(name)}(?=/)" for name in sorted(self._words)]
        self._pattern = re.compile("|".join(patterns))

    def text(self, text: str, name: str = "") -> str:
        """Return a string with the person's names replaced by tokens.

        Args:
            text: the string.
            name: the field that contains the string. Names that are also terms are replaced only as namespaces and in
                fields that name people.
        """
        if text in self.tokens and (text not in self._words or name in self._naming):
            changed = self.tokens[text]
        else:
            changed = self._pattern.sub(lambda match: self.tokens[match[0]], text)
        self.n += changed != text
        return changed

    def table(self, rows: pa.Table) -> pa.Table:
        """Return a table with the same schema but without the names, or the table itself if it contains none."""
        n = self.n
        columns = [self._array(rows[name].combine_chunks(), name) for name in rows.column_names]
        if self.n == n:
            return rows
        changed = self._without_own(rows, pa.table(columns, schema=rows.schema))
        for column, naming in _BESIDE_NAMES.items():
            if column in rows.column_names:
                changed = self._without_display_name(changed, column, naming)
        return changed

    def _without_own(self, rows: pa.Table, changed: pa.Table) -> pa.Table:
        """In the rows of the person's own repositories, also replace names that occur within words."""
        if "author" not in rows.column_names:
            return changed
        authors = rows["author"].combine_chunks()
        for name in pc.unique(authors.filter(pc.is_in(authors, pa.array(list(self.tokens), authors.type)))).to_pylist():
            is_own = pc.fill_null(pc.equal(authors, name), False)
            own = _OwnEraser(name, self.tokens[name])
            parts = [changed.filter(pc.invert(is_own)), own.table(changed.filter(is_own))]
            places = pa.concat_arrays([pc.indices_nonzero(pc.invert(is_own)), pc.indices_nonzero(is_own)])
            order = pc.array_sort_indices(places)
            changed = pa.concat_tables(parts).take(order).combine_chunks()
        return changed

    def _array(self, values: pa.Array, name: str) -> pa.Array:
        if isinstance(values, pa.ChunkedArray):  # an empty column
            return values
        kind = values.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._strings(values, name)
        if pa.types.is_map(kind):
            keys, items = self._array(values.keys, name), self._array(values.items, name)
            return pa.MapArray.from_arrays(values.offsets, keys, items, type=kind, mask=_nulls(values))
        if pa.types.is_list(kind):
            items = self._array(values.values, name)
            return pa.ListArray.from_arrays(values.offsets, items, type=kind, mask=_nulls(values))
        if pa.types.is_struct(kind):
            fields = [self._array(values.field(index), one.name) for index, one in enumerate(kind)]
            return pa.StructArray.from_arrays(fields, fields=list(kind), mask=_nulls(values))
        return values

    def _strings(self, values: pa.Array, name: str) -> pa.Array:
        has_name = pa.array([False] * len(values), pa.bool_())
        for known in self.tokens:
            has_name = pc.or_(has_name, pc.fill_null(pc.match_substring(values, known), False))
        if not pc.any(has_name).as_py():
            return values
        encoded = values.filter(has_name).dictionary_encode()
        n = self.n
        changed = pa.array([self.text(text, name) for text in encoded.dictionary.to_pylist()], values.type)
        if self.n == n:
            return values
        return pc.replace_with_mask(values, has_name, changed.take(encoded.indices))

    def _without_display_name(self, rows: pa.Table, column: str, naming: Iterable[str]) -> pa.Table:
        is_erased = pa.array([False] * len(rows), pa.bool_())
        for other in naming:
            if other in rows.column_names:
                found = pc.fill_null(pc.starts_with(rows[other].combine_chunks(), PREFIX), False)
                is_erased = pc.or_(is_erased, found)
        position = rows.column_names.index(column)
        blank = pc.if_else(is_erased, pa.scalar(None, rows.schema.field(column).type), rows[column].combine_chunks())
        rows = rows.set_column(position, rows.schema.field(column), blank)
        if "account_key" in rows.column_names and "author" in rows.column_names:
            keys = pc.if_else(is_erased, rows["author"].combine_chunks(), rows["account_key"].combine_chunks())
            rows = rows.set_column(rows.column_names.index("account_key"), rows.schema.field("account_key"), keys)
        return rows


class _OwnEraser(Eraser):
    """Replaces a name in the rows of the person's own repositories, even where it occurs within words."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__({name: token}, [], [])
        self._own, self._token = own_pattern([name]), token

    def text(self, text: str, name: str = "") -> str:  # noqa: ARG002
        """Return a string without the name."""
        is_kept = text.startswith(PREFIX) or self._own.fullmatch(text)  # a token, or a term such as a tag
        changed = text if is_kept else self._own.sub(self._token, text)
        self.n += changed != text
        return changed

    def _without_own(self, rows: pa.Table, changed: pa.Table) -> pa.Table:  # noqa: ARG002
        return changed

    def _strings(self, values: pa.Array, name: str) -> pa.Array:  # noqa: ARG002
        encoded = values.dictionary_encode()
        changed = pa.array([self.text(text) for text in encoded.dictionary.to_pylist()], values.type)
        return changed.take(encoded.indices)


def names_of(home: Home, name: str) -> dict[str, str]:
    """Return all names of a person, each with the reason for including it, such as a merge or a Hub account."""
    names = {name: "as given"}
    if home.build.exists() or home.warehouse.exists():
        with connect(home.warehouse if home.warehouse.exists() else home.build, read_only=True) as connection:
            if connection.execute("select 1 from duckdb_tables() where table_name = 'core__developers'").fetchall():
                merged = connection.execute(
                    "select distinct author from core__developers where developer_id in (select developer_id from "
                    "core__developers where author = ?) order by author",
                    [name],
                )
                names = {author: "merged with the given name" for (author,) in merged.fetchall()} | names
    table = "enrich_hub__accounts"
    files = [file for week in home.lake.weeks(table) for file in home.lake.files(table, week)]
    if files:
        with scratch() as connection:
            accounts = connection.execute(
                f"select distinct author, name from {parquet(files)} where name is not null and "
                "(list_contains($1, author) or list_contains($1, name))",
                [list(names)],
            )
            for author, account in accounts.fetchall():
                names = {account: "Hub account", author: "linked to the Hub account"} | names
    return {known: how for known, how in names.items() if not known.startswith(PREFIX)}


def require_erasable(name: str, project: Project) -> None:
    """Make sure that a name identifies a person.

    Raises:
        ForgetRefused: if the name is empty, a token, a bot, or a placeholder that many people use.
    """
    for seed, what in (("bots", "a bot"), ("generic_names", "a placeholder that many people use")):
        rows = project.tables[seed].path.read_text(encoding="utf-8").splitlines()
        if name.casefold() in {row.partition(",")[0].casefold() for row in rows[1:]}:
            raise ForgetRefused(f"{name!r} is {what}, not a person (seed {seed}); nothing was erased")
    if len(name.strip()) < 2 or name.startswith(PREFIX):
        raise ForgetRefused(f"{name!r} does not name a person; nothing was erased")


def forget(
    home: Home,
    names: Iterable[str],
    project: Project,
    databases: Iterable[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Erasure:
    """Erase names from a home.

    The caller must hold both of the home's locks, and no other program may have the home's databases open.

    To complete an interrupted erasure, run it again. Tokens do not change, because tombstones are written first.

    Args:
        home: the home.
        names: all names of one person.
        project: the SQL project, which describes the tables of the home's databases.
        databases: addresses (SQLAlchemy) of the Dagster instance's databases outside the home.
        say: receives a line per stage.
    """
    key = secret_key(home.secret)
    tombstones = read_tombstones(home.forgotten, lambda: key)
    names = list(dict.fromkeys(names))
    words = {name for name in names if _is_word(home, name, project)}
    tombstones, tokens = type(tombstones)(key, tombstones.by_digest).with_names(names, words)
    write_tombstones(home.forgotten, tombstones)
    if home.warehouse.exists():
        show_weeks(home.warehouse)  # otherwise, the older weeks of a moved home could not be read
        require_intact(home.warehouse)
    _delete_leftovers(home)
    personal = {column for table in project.tables.values() for column in table.personal}
    eraser = Eraser(tokens | _ids(key, tokens), words, personal)
    erasure = Erasure(tokens, words, backups=known_backups(home), releases=published_releases(home.releases))
    numbers = _numbers(home.warehouse)
    stages: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the lake", lambda: _lake(home.lake, eraser)),
        ("Spark's tables", lambda: _lake(home.tables, eraser)),
        ("decisions", lambda: _decisions(home, eraser, tokens)),
        ("build.duckdb", lambda: _database(home.build, eraser, project)),
        ("published weeks", lambda: _published(home.warehouse, eraser, project)),
        ("exports and report", lambda: _files(home, eraser)),
        ("Dagster's storage", lambda: _dagster(home, eraser, databases)),
    )
    for what, erase in stages:
        say(f"erasing from {what}")
        before = eraser.n
        erase()
        erasure.counts[what] = eraser.n - before
    say("deleting search indexes and built releases, which can be built again")
    _delete_derived(home)
    erasure.changed_numbers = [
        table for table, found in _numbers(home.warehouse).items() if numbers.get(table) != found
    ]
    return erasure


def _numbers(path: Path) -> dict[str, Any]:
    """Return, for each table, a digest of all its numbers, booleans and dates, and its number of rows."""
    if not path.exists():
        return {}
    found: dict[str, Any] = {}
    with duckdb.connect(path, read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where not internal and schema_name = 'main' and data_type not like '%VARCHAR%' order by all"
        ).fetchall()
        for table in {table for table, _ in columns}:
            digests = [f'sum(hash("{column}")::hugeint)' for other, column in columns if other == table]
            found[table] = connection.execute(f"select count(*), {', '.join(digests)} from {table}").fetchone()
    return found


def _is_word(home: Home, name: str, project: Project) -> bool:
    """Return whether a name is also a term in the data, and therefore must not be replaced everywhere."""
    terms = {*project.tables, *(column.name for table in project.tables.values() for column in table.columns)}
    terms |= {"model", "dataset", "space", "user", "org", "ok", "gone", "gated", "open", "closed", "merged", "main"}
    if name in terms:
        return True
    for listing in ("raw_hub__models", "raw_hub__datasets", "raw_hub__spaces"):
        weeks = home.lake.weeks(listing)
        files = home.lake.files(listing, weeks[-1]) if weeks else []
        if not files:
            continue
        columns = [column for column in _WORD_COLUMNS if column in pq.read_schema(files[0]).names]
        has_term = " or ".join(
            f"list_contains({column}, $1)" if column == "tags" else f"{column} = $1" for column in columns
        )
        with scratch() as connection:
            ((n,),) = connection.execute(f"select count(*) from {parquet(files)} where {has_term}", [name]).fetchall()
        if n:
            return True
    return False


def _ids(key: bytes, tokens: Mapping[str, str]) -> dict[str, str]:
    """Map each old developer id and pseudonym to its new value. Both change, because they are derived from names."""
    ids = {_id(name): _id(token) for name, token in tokens.items()}
    old, new = (pseudonyms(key, pa.array(list(some), pa.string())).to_pylist() for some in (ids, ids.values()))
    return ids | dict(zip(old, new, strict=True))


def _id(author: str) -> str:
    return hashlib.sha256(author.encode()).hexdigest()[:ID_LENGTH]


def _lake(lake: Lake, eraser: Eraser) -> None:
    for path in sorted(lake.root.glob(f"*/*/{MANIFEST}")) + sorted(lake.root.glob("*/*/journal-*.log")):
        if path.name == MANIFEST:
            _week(lake, path.parent, eraser)
        else:
            _journal(path, eraser)


def _week(lake: Lake, folder: Path, eraser: Eraser) -> None:
    """Write new parts next to the old ones, list them in the manifest, and only then delete the old parts."""
    table, week = folder.parent.name, date.fromisoformat(folder.name.partition("=")[2])
    manifest = lake.manifest(table, week)
    changed: dict[str, Part] = {}
    for part in (*manifest.parts, *(manifest.landing or ())):
        if part.file in changed:
            continue
        (file,) = lake.verified(table, week, [part])
        rows = pq.read_table(file, partitioning=None)
        without = eraser.table(rows)
        counts = walk(part.counts, eraser.text)
        if without is rows and counts == part.counts:
            changed[part.file] = part
        else:
            name = re.sub(r"(\.e\d+)?\.parquet$", "", part.file)
            number = int((re.search(r"\.e(\d+)\.parquet$", part.file) or [0, 0])[1]) + 1
            changed[part.file] = lake.write_part(table, week, f"{name}.e{number}.parquet", without, counts)
    details = walk(manifest.details, eraser.text)
    if details == manifest.details and all(part.file == file for file, part in changed.items()):
        return
    manifest.parts = [changed[part.file] for part in manifest.parts]
    manifest.landing = None if manifest.landing is None else [changed[part.file] for part in manifest.landing]
    manifest.details = details
    lake.set_manifest(table, week, manifest)
    kept = {part.file for part in changed.values()}
    for path in folder.glob("part-*"):
        if path.name not in kept:
            path.unlink()


def _journal(path: Path, eraser: Eraser) -> None:
    """Rewrite the journal of an interrupted collection. The next plan drops pending requests about the person."""
    beside = path.with_name(f".{path.name}.beside")
    beside.unlink(missing_ok=True)
    with Journal(path) as old, Journal(beside) as new:
        for payload in old.records:
            record = Record.of_bytes(payload)
            body = json.dumps(walk(json.loads(record.body), eraser.text), ensure_ascii=False).encode()
            new.append(Record(record.meta, body).to_bytes())
    beside.replace(path)


def _decisions(home: Home, eraser: Eraser, tokens: Mapping[str, str]) -> None:
    """Replace the names in the decisions, and add decisions that keep the person's names merged.

    The added decisions are needed because the tokens, unlike the names, do not resemble each other.
    """
    rows = {}
    for row in read_decisions(home.decisions).to_pylist():
        changed = {name: eraser.text(value, name) for name, value in row.items()}
        changed["author_a"], changed["author_b"] = ordered(changed["author_a"], changed["author_b"])
        rows[changed["author_a"], changed["author_b"]] = changed
    first, *others = sorted(tokens.values())
    for other in others:
        pair = ordered(first, other)
        values = (*pair, "accepted", "hub-assets forget", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "one person", "")
        rows.setdefault(pair, dict(zip(SCHEMA.names, values, strict=True)))
    if rows:
        columns = {name: [row[name] for row in rows.values()] for name in SCHEMA.names}
        write_decisions(home.decisions, pa.table(columns, schema=SCHEMA))


def _database(path: Path, eraser: Eraser, project: Project) -> None:
    """Rewrite a database without the names. Deleting rows is not enough, because DuckDB keeps values in free blocks."""
    if path.exists():
        rewrite(path, eraser.table, project)


def _published(path: Path, eraser: Eraser, project: Project) -> None:
    if path.exists():
        rewrite_published(path, eraser.table, project)
    else:
        shutil.rmtree(older_weeks(path), ignore_errors=True)  # nothing reads it; publishing writes it again


def _files(home: Home, eraser: Eraser) -> None:
    folders = (home.exports, home.root / "report", home.dagster)
    paths = [path for folder in folders for path in folder.rglob("*")] + list(home.root.glob("*.json"))
    for path in sorted(set(paths)):
        if not path.is_file() or path == home.forgotten:
            continue
        if path.suffix == ".parquet":
            rows = pq.read_table(path, partitioning=None)
            without = eraser.table(rows)
            if without is not rows:
                write_beside(path, partial(pq.write_table, without, compression="zstd"))
        elif path.suffix in _TEXTS:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            changed = _in_text(eraser, text)
            if changed != text:
                content = changed.encode("utf-8", "surrogateescape")
                write_beside(path, partial(_write_bytes, content))


def _delete_leftovers(home: Home) -> None:
    """Delete what killed programs left behind, which may contain names: half-written files, logs, and spilled rows."""
    for path in [
        path for pattern in (".*.beside*", "*.wal.set-aside", "*.duckdb.tmp") for path in home.root.rglob(pattern)
    ]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _delete_derived(home: Home) -> None:
    """Delete what cannot be edited but can be built again: search indexes, and releases, whose files have checksums."""
    for folder in (home.search, *home.releases.glob("*/")):
        if folder.exists():
            shutil.rmtree(folder)


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _in_text(eraser: Eraser, text: str) -> str:
    """Return a string without the names, whether plain or escaped for JSON or XML."""
    changed = eraser.text(text)
    for name, token in eraser.tokens.items():
        for written in {json.dumps(name)[1:-1], html.escape(name), html.escape(name, quote=False)} - {name}:
            changed = changed.replace(written, token)
    return changed


def _dagster(home: Home, eraser: Eraser, databases: Iterable[str]) -> None:
    """Replace the names in every text value in the instance's databases, and release SQLite's free pages."""
    addresses = [f"sqlite:///{path}" for path in sorted(home.dagster.rglob("*.db"))] + list(databases)
    for address in addresses:
        engine = sqlalchemy.create_engine(address)
        try:
            with engine.begin() as connection:
                _in_database(connection, eraser)
            if engine.dialect.name == "sqlite":
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(sqlalchemy.text("vacuum"))
        finally:
            engine.dispose()


def _in_database(connection: sqlalchemy.Connection, eraser: Eraser) -> None:
    metadata = sqlalchemy.MetaData()
    metadata.reflect(connection)
    variants = {written for name in eraser.tokens for written in (name, json.dumps(name)[1:-1])}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if not isinstance(column.type, sqlalchemy.String):
                continue
            has_name = sqlalchemy.or_(*(column.contains(one, autoescape=True) for one in variants))
            found: list[Any] = list(connection.execute(sqlalchemy.select(column).where(has_name).distinct()).scalars())
            for text in found:
                changed = _in_text(eraser, text)
                if changed != text:
                    connection.execute(table.update().where(column == text).values({column.name: changed}))


def _nulls(values: pa.Array) -> pa.Array | None:
    return values.is_null() if values.null_count else None
