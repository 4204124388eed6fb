"""The server over real sockets: what it refuses, what it never reveals, and how it follows publication."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_assets.local_hub.server import running
from hub_assets.report.serve import app as serving
from hub_assets.report.serve.app import ENDPOINTS, build_app
from hub_assets.report.serve.endpoints import Answer, Endpoint, body_of
from hub_assets.report.serve.published import Reader
from hub_assets.warehouse.publication import older_weeks, publish
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.browser.test_explorers import WEEK
from hub_assets_tests.report.serve.conftest import Client, Served, copied, looks_like_a_traceback

EXAMPLES = {
    "query": "speech",
    "repo_id": "TheBloke/model-1",
    "name": "google",
}
PATHS = [endpoint.path for endpoint in ENDPOINTS]


def example(endpoint: Endpoint) -> str:
    """Return a URL that the endpoint answers."""
    required = {each.name: EXAMPLES[each.name] for each in endpoint.parameters if each.is_required}
    if endpoint.path.startswith("/similarity/"):
        required["repo_id"] = EXAMPLE_OF[endpoint.path]
    return f"{endpoint.path}?{urlencode(required)}"


EXAMPLE_OF: dict[str, str] = {}


@pytest.fixture(autouse=True)
def known_ids(served: Served) -> None:
    for plural in ("models", "datasets", "spaces"):
        [row] = served.rows(f"select repo_id from mart__{plural} where hash(repo_id) % 3 > 0 order by 1 desc limit 1")
        EXAMPLE_OF[f"/similarity/{plural}"] = row["repo_id"]


def asked(client: Client, target: str) -> Any:
    status, _, body = client.get(target)
    assert status == 200, body
    return json.loads(body)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_endpoint_answers_in_every_format(client: Client, endpoint: Endpoint) -> None:
    answer = asked(client, example(endpoint))
    assert answer["week"] == str(WEEK)
    assert answer["results"]
    status, headers, body = client.get(f"{example(endpoint)}&format=parquet".replace("?&", "?"))
    assert (status, headers["content-type"]) == (200, "application/vnd.apache.parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(body))
    assert table.num_rows == len(answer["results"])
    assert set(table.column_names) == set(answer["results"][0])
    status, headers, body = client.get(f"{example(endpoint)}&format=csv".replace("?&", "?"))
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert headers["content-disposition"].endswith('.csv"')
    read = pyarrow.csv.read_csv(io.BytesIO(body), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    assert (read.num_rows, read.column_names) == (table.num_rows, table.column_names)


def test_cells_that_a_spreadsheet_would_execute_are_escaped() -> None:
    texts = ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", "harmless", "a=b", None]
    table = pa.table({"text": texts, "number": list(range(-4, 5)), "list": [["=1", "b"]] * 9})
    body = body_of(Answer(table), WEEK, "csv")
    read = pyarrow.csv.read_csv(io.BytesIO(body), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    cells = read["text"].to_pylist()
    assert cells[:6] == [f"'{text}" for text in texts[:6]]
    assert cells[6:8] == texts[6:8]
    assert read["number"].to_pylist() == list(range(-4, 5))
    assert set(read["list"].to_pylist()) == {"'=1; b"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8800", 200),
        ("127.0.0.1:1", 200),
        ("127.8.8.8", 200),
        ("[::1]:8800", 200),
        ("[::1]", 200),
        ("observatory.example", 200),
        ("Observatory.Example:80", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example:127.0.0.1", 421),
        ("localhost:80:80", 421),
        ("localhost@evil.example", 421),
        ("0.0.0.0", 421),
        ("192.168.0.1", 421),
        ("", 421),
        ("2130706433", 421),
    ],
)
def test_only_requests_to_own_host_names_are_answered(client: Client, host: str, status: int) -> None:
    for target in ("/trending/models", "/", "/openapi.json", "/nothing"):
        found, _, body = client.get(target, headers={"Host": host})
        assert (found == 421) == (status == 421), (host, target)
        if status == 421:
            assert b"--allowed-host" in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    for target in ("/trending/models", "/", "/static/site.css"):
        status, headers, body = client.get(target, method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")
        assert json.loads(body) == {"error": "Only GET and HEAD are allowed."}


def test_head_returns_only_headers(client: Client) -> None:
    for target in ("/trending/models", "/", "/static/site.css", "/openapi.json"):
        status, headers, body = client.get(target, "HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) == len(client.get(target)[2])


def test_every_response_has_the_security_headers(client: Client) -> None:
    for target in ("/", "/modelverse.html", "/trending/models", "/nothing", "/api.html", "/trending/models?k=x"):
        _, headers, _ = client.get(target)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "file:" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
        assert "date" in headers


TRAVERSALS = [
    "/../warehouse.duckdb",
    "/..%2fwarehouse.duckdb",
    "/%2e%2e/%2e%2e/warehouse.duckdb",
    "/static/../../../warehouse.duckdb",
    "/static/..%5c..%5c..%5cwarehouse.duckdb",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/static//../../../warehouse.duckdb",
    "/....//warehouse.duckdb",
    "/%00",
    "/index.html%00.css",
    "/" + "a" * 5_000,
    "/" + "a/" * 2_000,
    "/%ff%fe",
    "/%c0%ae%c0%ae/warehouse.duckdb",
    "/.",
    "/..",
    "/static",
    "/static/",
    "*",
    "http://evil.example/",
    "/link",
]


@pytest.mark.parametrize("target", TRAVERSALS)
def test_no_path_leaves_the_site(client: Client, served: Served, target: str) -> None:
    link = served.folder / "report" / str(WEEK) / "link"
    if not link.is_symlink():
        link.symlink_to(served.warehouse)
    status, _, body = client.get(target)
    assert status in (400, 404, 421), (target, status)
    assert not looks_like_a_traceback(body)
    assert b"DUCK" not in body[:20]


def test_the_site_is_served_unchanged_except_for_its_served_mark(client: Client, served: Served) -> None:
    site = served.folder / "report" / str(WEEK)
    files = [path for path in site.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        status, _, body = client.get(f"/{quote(str(path.relative_to(site)))}")
        assert status == 200
        if path.name == "served.js":
            assert b"isServed = true" in body
            assert b"isServed = false" in path.read_bytes()
        else:
            assert body == path.read_bytes()
    assert client.get("/")[2] == (site / "index.html").read_bytes()
    _, headers, _ = client.get("/static/site.css")
    assert client.get("/static/site.css", headers={"If-None-Match": headers["etag"]})[0] == 304


def test_the_description_matches_the_endpoints(client: Client) -> None:
    described = asked(client, "/openapi.json")
    assert sorted(described["paths"]) == sorted(PATHS)
    for endpoint in ENDPOINTS:
        parameters = described["paths"][endpoint.path]["get"]["parameters"]
        assert [each["name"] for each in parameters] == [*(each.name for each in endpoint.parameters), "format"]
    status, headers, body = client.get("/api.html")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = body.decode()
    assert all(f"<code>{path}</code>" in page for path in PATHS)
    assert "<script" not in page


HOSTILE = [
    "'; drop table mart__models; --",
    "$week",
    "{measure}",
    "%' or 1=1 --",
    "\x00",
    "\u202e",
    "-1",
    "1e9",
    "NaN",
    "١٢",
    "1_000",
    "9" * 30,
    "x" * 2_000,
    "<script>alert(1)</script>",
    "../../../etc/passwd",
    "2026-13-45",
    "0001-01-01",
    "9999-12-31",
    "(none)",
    "(any)",
    '"',
    "\\",
    "AND OR NOT ( ) * : ^ ~ + -",
]
NAMES = sorted({each.name for endpoint in ENDPOINTS for each in endpoint.parameters} | {"format", "x", "week", ""})
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(["json", "csv", "n_downloads", "similarity", "likes", "permissive", "10", "speech"]),
    st.text(max_size=40),
    st.integers().map(str),
)


@given(
    path=st.sampled_from(PATHS),
    query=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6),
)
@settings(max_examples=150)
def test_no_parameter_breaks_the_server(client: Client, path: str, query: list[tuple[str, str]]) -> None:
    status, _, body = client.get(f"{path}?{urlencode(query, errors='surrogatepass')}")
    assert status in (200, 400, 404), body
    assert not looks_like_a_traceback(body)
    if status != 200:
        told = json.loads(body)
        assert list(told) == ["error"]
        assert told["error"].endswith(".")
        assert "\n" not in told["error"]


@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                "Range",
                "If-None-Match",
                "If-Modified-Since",
                "Accept",
                "Cookie",
                "X-Forwarded-Host",
                "Content-Length",
                "Connection",
                "Origin",
                "Authorization",
                "Accept-Encoding",
            ]
        ),
        st.one_of(
            st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
            st.sampled_from(["bytes=0-", "bytes=5-1", "bytes=-999999", "bytes=0-1,2-3,9-", "0", "*", "x" * 9_000]),
        ),
        max_size=4,
    ),
    target=st.sampled_from(["/", "/static/site.css", "/trending/models", "/map/models?top=2", "/nothing"]),
)
@settings(max_examples=100)
def test_no_header_breaks_the_server(client: Client, headers: dict[str, str], target: str) -> None:
    headers = {name: value.strip() for name, value in headers.items()}
    if headers.get("Content-Length") != "0":  # the server would wait for a body
        headers.pop("Content-Length", None)
    status, _, body = client.get(target, headers=headers)
    assert status in (200, 206, 304, 400, 404, 416, 431), (status, body)
    assert status < 400 or not looks_like_a_traceback(body)


def test_invalid_parameters_get_a_clear_error(client: Client) -> None:
    for target, sentence in (
        ("/trending/models?k=0", "k is 0; it must be a whole number from 1 to 100."),
        ("/trending/models?k=x", "k is x; it must be a whole number from 1 to 100."),
        ("/trending/models?min_likes=-1", "min_likes is -1; it must be a whole number of at least 0."),
        ("/trending/models?sort_by=size", "sort_by is size; it can be likes, downloads, trending."),
        ("/trending/models?k=1&k=2", "k is given twice."),
        ("/search/models", "query is missing."),
        ("/map/models?from=yesterday", "from is yesterday; it must be a date such as 2026-11-16."),
        ("/organizations/days?name=nobody%1b", "No organization or namespace of this week is called nobody\\x1b."),
        ("/families/bases?repo_id=a/b", "No family of this week has a model called a/b."),
    ):
        status, _, body = client.get(target)
        assert status in (400, 404)
        assert json.loads(body) == {"error": sentence}


def test_exceptions_are_logged_and_not_sent(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> Answer:
        raise RuntimeError(f"secret place: {__file__}")

    published = served.published
    with running(build_app(published, endpoints=[Endpoint("/broken", "", "", (), broken)])) as url:
        status, headers, body = Client(url).get("/broken")
    published.close()
    assert (status, json.loads(body)) == (500, {"error": "The server failed to answer this request."})
    assert "content-security-policy" in headers
    assert "secret place" in caplog.text


@pytest.mark.slow
def test_slow_and_large_queries_are_stopped(served: Served) -> None:
    slow = "select sum(a.range * b.range) as n from range(10000000) as a, range(10000000) as b"
    large = "select list(random()::varchar || range::varchar) as n from range(100000000)"
    queries = {"slow": slow, "large": large, "quick": "select 1 as n"}

    def running_sql(sql: str) -> Callable[[Reader, Mapping[str, Any]], Answer]:
        return lambda reader, _: Answer(reader.table(sql))

    endpoints = [Endpoint(f"/{name}", "", "", (), running_sql(sql)) for name, sql in queries.items()]
    published = served.published
    with running(build_app(published, endpoints=endpoints, seconds=1.0)) as url:
        client = Client(url)
        started = time.monotonic()
        status, headers, body = client.get("/slow")
        assert (status, headers["retry-after"]) == (503, "1")
        assert "took too long" in json.loads(body)["error"]
        assert time.monotonic() - started < 10
        status, _, body = client.get("/large")
        assert status == 503
        assert client.get("/quick")[0] == 200
        with ThreadPoolExecutor(5) as pool:
            statuses = Counter(pool.map(lambda _: client.get("/slow")[0], range(5)))
        assert statuses == {503: 5}
        assert client.get("/quick")[0] == 200
    published.close()


def test_requests_beyond_the_queue_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_WAITING", 3)
    go = threading.Event()

    def held(*_: Any) -> Answer:
        go.wait(30)
        return Answer(pa.table({"n": [1]}))

    published = served.published
    with running(build_app(published, endpoints=[Endpoint("/held", "", "", (), held)])) as url:
        client = Client(url)
        with ThreadPoolExecutor(12) as pool:
            futures = [pool.submit(client.get, "/held") for _ in range(12)]
            until = time.monotonic() + 30
            while sum(future.done() for future in futures) < 7 and time.monotonic() < until:
                time.sleep(0.01)
            go.set()
            statuses = Counter(future.result()[0] for future in futures)
    published.close()
    assert statuses == {200: serving.MOST_RUNNING + 3, 503: 12 - serving.MOST_RUNNING - 3}


def test_a_newly_published_week_is_served_without_a_restart(served: Served, tmp_path: Path) -> None:
    mine = copied(served, tmp_path / "mine")
    published = mine.published
    with running(build_app(published)) as url:
        client = Client(url)
        before = asked(client, "/trending/models?sort_by=downloads&k=1")
        beside = mine.folder / "beside.duckdb"
        shutil.copyfile(mine.warehouse, beside)
        with duckdb.connect(str(beside)) as connection:
            connection.execute("update mart__models set n_downloads = n_downloads * 2")
            connection.execute("checkpoint")
        beside.replace(mine.warehouse)
        after = asked(client, "/trending/models?sort_by=downloads&k=1")
        assert after["results"][0]["downloads"] == 2 * before["results"][0]["downloads"]
        # a newer week is served once it has a site
        following = WEEK + timedelta(weeks=1)
        shutil.copyfile(mine.warehouse, beside)
        with duckdb.connect(str(beside)) as connection:
            for table in ("mart__repo_activity", "mart__models"):
                connection.execute(
                    f"insert into {table} select * replace (date '{following}' as snapshot_date) from {table}"
                )
            connection.execute("checkpoint")
        beside.replace(mine.warehouse)
        assert asked(client, "/trending/models")["week"] == str(WEEK)
        shutil.copytree(mine.folder / "report" / str(WEEK), mine.folder / "report" / str(following), symlinks=True)
        assert asked(client, "/trending/models")["week"] == str(following)
        assert client.get("/search/models?query=x")[0] == 404
        # a chosen week remains chosen
        chosen = replace(mine.published, chosen=WEEK)
        with running(build_app(chosen)) as other:
            assert asked(Client(other), "/trending/models")["week"] == str(WEEK)
        chosen.close()
        mine.warehouse.unlink()
        status, _, body = client.get("/trending/models")
        assert (status, list(json.loads(body))) == (503, ["error"])
    published.close()


def test_publishing_breaks_no_request(served: Served, tmp_path: Path) -> None:
    mine = copied(served, tmp_path / "mine")
    is_running, go = threading.Event(), threading.Event()

    def twice(reader: Reader, _: Mapping[str, Any]) -> Answer:
        reader.table("select 1")
        is_running.set()
        go.wait(30)
        reader.columns("mart__models")
        return Answer(reader.table("select count(*) as n from mart__models"))

    def slow(reader: Reader, _: Mapping[str, Any]) -> Answer:
        is_running.set()
        return Answer(reader.table("select sum(a.range * b.range) as n from range(12000) as a, range(12000) as b"))

    published = mine.published
    endpoints = [Endpoint("/twice", "", "", (), twice), Endpoint("/slow", "", "", (), slow), *ENDPOINTS]
    with running(build_app(published, endpoints=endpoints)) as url, ThreadPoolExecutor(2) as pool:
        client = Client(url)
        for path in ("/twice", "/slow"):
            is_running.clear()
            future = pool.submit(client.get, path)
            assert is_running.wait(30)
            beside = mine.folder / "beside.duckdb"
            shutil.copyfile(mine.warehouse, beside)
            beside.replace(mine.warehouse)
            assert asked(client, "/trending/models")["results"]
            assert client.get("/")[0] == 200
            go.set()
            assert future.result()[0] == 200
    published.close()


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        (
            "update mart__models set organization = null, n_likes = null",
            ["/map/models?measure=n_likes", "/trending/models"],
        ),
        ("update mart__base_model_edges set relation = null", ["/families/derivatives"]),
        ("update network__family_nodes set n_descendants = null, n_downloads_descendants = null", ["/families"]),
        ("delete from network__family_nodes where n_descendants < 2", ["/families", "/families/derivatives"]),
        (
            "insert into mart__models select * replace (repo_key || '2' as repo_key) from mart__models",
            ["/search/models?query=speech&k=50&sort_by=likes", "/trending/models"],
        ),
        ("delete from mart__models", ["/map/models", "/trending/models", "/families"]),
        ("delete from mart__organizations", ["/organizations"]),
    ],
)
def test_a_week_that_lacks_columns_or_rows_is_served(
    served: Served, tmp_path: Path, change: str, paths: list[str]
) -> None:
    mine = copied(served, tmp_path / "mine")
    [largest] = mine.rows("select repo_id from network__family_nodes order by n_descendants desc, repo_id limit 1")
    with duckdb.connect(str(mine.warehouse)) as connection:
        connection.execute(change)
    published = mine.published
    with running(build_app(published)) as url:
        for path in paths:
            query = f"?{urlencode(largest)}" if path == "/families/derivatives" else ""
            assert asked(Client(url), f"{path}{query}")["week"] == str(WEEK)
    published.close()


@pytest.mark.slow
def test_what_is_read_into_memory_has_limits_and_is_read_again_after_a_failure(served: Served) -> None:
    sizes = iter([10**8, 1])
    is_read = threading.Event()

    def large(connection: duckdb.DuckDBPyConnection, _: date) -> int:
        sql = f"select list(random()::varchar || range::varchar) as n from range({next(sizes)})"
        return len(connection.sql(sql).fetchall())

    def slow(*_: Any) -> int:
        is_read.wait(30)
        return 1

    def keeping(
        read: Callable[[duckdb.DuckDBPyConnection, date], int],
    ) -> Callable[[Reader, Mapping[str, Any]], Answer]:
        return lambda reader, _: Answer(pa.table({"n": [reader.kept(read.__name__, read)]}))

    published = served.published
    with running(build_app(published, endpoints=[Endpoint("/slow", "", "", (), keeping(slow))], seconds=1.0)) as url:
        assert Client(url).get("/slow")[0] == 503
        is_read.set()
        assert Client(url).get("/slow")[0] == 200
    with running(build_app(published, endpoints=[Endpoint("/large", "", "", (), keeping(large))], seconds=60.0)) as url:
        status, _, body = Client(url).get("/large")
        assert (status, "more memory" in json.loads(body)["error"]) == (503, True)
        assert Client(url).get("/large")[0] == 200
    published.close()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.05, 0.2, 0.5])
def test_an_interrupted_server_ends_quietly(served: Served, seconds: float) -> None:
    command = [sys.executable, "-m", "hub_assets", "serve", "--home", str(served.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "is served at" in process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Fatal" not in errors


def test_a_week_that_is_not_published_is_refused(served: Served) -> None:
    published = replace(served.published, chosen=date(2020, 1, 6))
    with running(build_app(published)) as url:
        status, _, body = Client(url).get("/trending/models")
    published.close()
    assert (status, json.loads(body)) == (404, {"error": "The week of 2020-01-06 is not published."})


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_older_week_is_served_from_its_files(served: Served, client: Client, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "it's a [home]"
    folder.mkdir()
    older, building = WEEK - timedelta(weeks=1), tmp_path / "build.duckdb"
    shutil.copyfile(served.warehouse, building)
    with duckdb.connect(building) as connection:
        for table in project.published:
            connection.execute(
                f"insert into {table.name} select * replace (date '{older}' as snapshot_date) from {table.name}"
            )
    publish(building, folder / "warehouse.duckdb", [older, WEEK], project)
    published = replace(served.published, path=folder / "warehouse.duckdb", chosen=older)
    paths = [path for path in PATHS if path.startswith(("/trending", "/map", "/families"))]
    assert len(paths) == 8
    with running(build_app(published)) as url:
        for target in (example(endpoint) for endpoint in ENDPOINTS if endpoint.path in paths):
            status, _, body = Client(url).get(target)
            _, _, newest = client.get(target)
            assert status == 200
            assert body.replace(str(older).encode(), str(WEEK).encode()) == newest
    published.close()
    (path,) = older_weeks(published.path).glob("mart__models/*/part-*")
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    again = replace(served.published, path=published.path, chosen=older)
    with running(build_app(again)) as url:
        status, _, body = Client(url).get(example(ENDPOINTS[0]))
    assert (status, b"cannot be read; run hub-assets verify" in body) == (503, True)
    again.close()


@pytest.mark.slow
def test_memory_stays_flat_and_nothing_is_written_in_10_000_requests(served: Served, tmp_path: Path) -> None:
    mine = copied(served, tmp_path / "mine")
    targets = [*map(example, ENDPOINTS), "/", "/static/site.css", "/nothing", "/trending/models?k=x", "/openapi.json"]

    def state() -> list[tuple[str, int, int]]:
        files = sorted(path for path in mine.folder.rglob("*") if path.is_file())
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]

    before = state()
    published = mine.published
    with running(build_app(published)) as url, ThreadPoolExecutor(4) as pool:
        client = Client(url)

        def ask(place: int) -> int:
            return client.get(targets[place % len(targets)])[0]

        assert set(pool.map(ask, range(2_000))) == {200, 400, 404}
        warm = resident_bytes()
        statuses = Counter(pool.map(ask, range(10_000)))
    assert set(statuses) == {200, 400, 404}
    assert resident_bytes() - warm < 60e6
    assert state() == before
    published.close()
