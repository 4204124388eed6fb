"""Sites for tests, built from copies of the golden week, and the contents of a page, read from its HTML."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import duckdb

from hub_assets.home import Home
from hub_assets.report.site.build import Built, build_site, opened_week
from hub_assets.report.site.week import Week
from hub_assets.resources import project
from hub_assets.warehouse.publication import FILES, NEWEST
from hub_assets_tests.golden import WEEK, Golden

VOID: Final = {"br", "img", "input", "link", "meta", "hr", "wbr"}
BEFORE: Final = WEEK - timedelta(weeks=1)


@dataclass
class Number:
    """A `<data>` element: its attributes, its text, and the ids of the elements around it, the innermost last."""

    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()


@dataclass
class Parsed:
    """The contents of a page."""

    numbers: list[Number] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    """Text outside numbers, times, code, untrusted text and scripts."""
    everything: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)
    """Each published value's place in the study, and the raw value shown for it."""
    code: dict[str, str] = field(default_factory=dict)
    """Text of `<pre>` elements by the id of the section around them."""


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Parsed()
        self.stack: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, attributes))
        if tag == "data":
            inside = tuple(given["id"] for _, given in self.stack if "id" in given)
            self.page.numbers.append(Number(attributes, inside=inside))
            places = [given["data-place"] for _, given in self.stack if "data-place" in given]
            if places and attributes["data-column"] == "published":
                self.page.places.append((places[-1], attributes["value"]))
        if tag not in VOID:
            self.stack.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.stack]
        if "script" in tags or "style" in tags:
            return
        self.page.everything.append(data)
        if "data" in tags:
            self.page.numbers[-1].text += data
        elif "pre" in tags:
            ids = [given["id"] for _, given in self.stack if "id" in given]
            self.page.code[ids[-1]] = self.page.code.get(ids[-1], "") + data
        elif not {"time", "code", "bdi", "option", "title"} & set(tags):
            self.page.prose.append(data)


def parsed(path: Path) -> Parsed:
    """Read a page."""
    parser = _Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.page


def two_weeks(golden: Golden, folder: Path) -> Home:
    """Return a copy of the golden home with an invented earlier week: fewer repositories and likes, more downloads."""
    home = Home(golden.copy(folder / "home"))
    with duckdb.connect(home.warehouse) as connection:
        flatten(connection)
        for (table,) in connection.execute(
            "select table_name from duckdb_columns() where column_name = 'snapshot_date' order by all"
        ).fetchall():
            connection.execute(
                f"insert into {table} select * replace (date '{BEFORE}' as snapshot_date) from {table} "
                f"where snapshot_date = date '{WEEK}'"
            )
        repos = f"mart__repo_activity where snapshot_date = date '{BEFORE}'"
        connection.execute(f"delete from {repos} and hash(repo_key) % 10 = 0")
        connection.execute(
            f"update mart__repo_activity set n_likes = n_likes // 2, n_downloads = n_downloads + 1 "
            f"where snapshot_date = date '{BEFORE}'"
        )
        connection.execute(f"update mart__published_comparison set ours = ours * 0.9 where snapshot_date = '{BEFORE}'")
    return home


def flatten(connection: duckdb.DuckDBPyConnection) -> None:
    """Turn a published file's views into tables, which can be changed."""
    views = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
    for (name,) in views:
        connection.execute(f"create table made as from {name}")
        connection.execute(f"drop view {name}")
        connection.execute(f"alter table made rename to {name}")
    for schema in (NEWEST, FILES.partition(".")[0]):
        connection.execute(f"drop schema if exists {schema} cascade")


def built(home: Home, folder: Path) -> Built:
    """Build the golden week's site."""
    return build_site(home.warehouse, folder, WEEK, project(), source=home.source, figures=home.figures)


@contextmanager
def opened(warehouse: Path, week: date = WEEK) -> Iterator[Week]:
    """Open a week as pages see it."""
    with opened_week(warehouse, week, project(), source="local hub, simulated, for a test") as found:
        yield found


def changed(home: Home, folder: Path, *statements: str) -> Path:
    """Copy a home's warehouse, run statements on the copy, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = Path(shutil.copyfile(home.warehouse, folder / "warehouse.duckdb"))
    with duckdb.connect(copy) as connection:
        flatten(connection)
        for statement in statements:
            connection.execute(statement)
    return copy


def rows_of(warehouse: Path, sql: str) -> list[dict[str, Any]]:
    """Run a query as a reader would, and return its rows."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        answer = connection.execute(sql)
        columns = [name for name, *_ in answer.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]


def digits_of(text: str) -> list[str]:
    """Return the text's tokens that contain a digit."""
    return [token for token in re.split(r"\s+", text) if re.search(r"\d", token)]
