"""A small published week with a site and a search index, and a server for it on loopback."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import hub_assets
from hub_assets.local_hub.server import running
from hub_assets.report.serve.app import build_app
from hub_assets.report.serve.published import Indexes, Published
from hub_assets.report.site.build import build_site
from hub_assets.report.site.pages import overview
from hub_assets.search.index import build
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.browser.test_explorers import PAGES, WEEK, listing
from hub_assets_tests.report.explored import publish
from hub_assets_tests.warehouse.conftest import project

__all__ = ["project"]

_DOCUMENTS = """
    select '{kind}' as repo_type, repo_id, namespace, {task} as task, {library} as library, license_group,
        case when hash(repo_id) % 3 > 0 then
            concat('A ', if(hash(repo_id) % 2 = 0, 'speech', 'vision'), ' repository: ', repo_id)
        end as card_text,
        hash(repo_id) % 3 > 0 as has_card, {languages} as languages, []::varchar[] as tags,
        {n_parameters} as n_parameters, n_likes as likes, {n_downloads} as downloads
    from mart__{kind}s
"""


@dataclass
class Served:
    """A published week as files, and the server's view of it."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def published(self) -> Published:
        return Published(self.warehouse, self.folder / "report", Indexes(self.folder / "search"))

    def rows(self, select: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            rows: list[dict[str, Any]] = connection.sql(select).to_arrow_table().to_pylist()
            return rows


@dataclass
class Client:
    """Sends requests as bytes on a socket, so that no client cleans up paths or headers first."""

    url: str

    def get(
        self, target: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers keyed by lowercase name, and the body."""
        host, port = self.url.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port), timeout=60)
        try:
            connection.putrequest(method, target, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            response: HTTPResponse = connection.getresponse()
            body = response.read()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, body
        finally:
            connection.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, project: Project) -> Served:
    """The week of the explorers' tests; tests must not change it."""
    made = Served(tmp_path_factory.mktemp("served"))
    tables = {f"raw_hub__{kind}s": listing(kind, n) for kind, n in (("model", 600), ("dataset", 150), ("space", 80))}
    publish(made.warehouse, project, WEEK, tables)
    build_site(made.warehouse, made.folder / "report", WEEK, project, pages=[page.PAGE for page in (overview, *PAGES)])
    with duckdb.connect(str(made.warehouse), read_only=True) as connection:
        parts = []
        for kind in ("model", "dataset", "space"):
            filled = _DOCUMENTS.format(
                kind=kind,
                task="task" if kind == "model" else "null",
                library="library" if kind == "model" else "null",
                languages="languages" if kind == "dataset" else "[]::varchar[]",
                n_parameters="n_parameters" if kind == "model" else "null::bigint",
                n_downloads="null::bigint" if kind == "space" else "n_downloads",
            )
            parts.append(connection.sql(filled).to_arrow_table())
    build(pa.concat_tables(parts, promote_options="permissive"), made.folder / "search" / str(WEEK))
    return made


@pytest.fixture(scope="session")
def client(served: Served) -> Iterator[Client]:
    """A client of a server for the week."""
    published = served.published
    with running(build_app(published, hosts=["observatory.example"]), date_header=True) as url:
        yield Client(url)
    published.close()


def copied(served: Served, to: Path) -> Served:
    """Return a copy that a test may change."""
    return Served(Path(shutil.copytree(served.folder, to)))


def looks_like_a_traceback(body: bytes) -> bool:
    """Return whether a response reveals the program's location or code."""
    folders = (str(Path(hub_assets.__file__).parents[1]).encode(), tempfile.gettempdir().encode())
    return bool(re.search(rb"Traceback|File \"|\.py\b|duckdb\.|site-packages", body)) or any(
        folder in body for folder in folders
    )
