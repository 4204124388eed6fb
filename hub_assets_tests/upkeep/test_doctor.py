"""`doctor` on a healthy local Hub, on Hubs that each break one assumption, and on broken machines and homes."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets import cli
from hub_assets.home import Home
from hub_assets.hub.http.client import HubClient
from hub_assets.lake.parts import Lake, Manifest
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated
from hub_assets.resources import HubResource
from hub_assets.schedules import doctor_warning, weekly_snapshot_schedule
from hub_assets.upkeep import machine
from hub_assets.upkeep.doctor import examine
from hub_assets.upkeep.findings import Examination, Finding, last_examination, save

WEEK = date(2026, 11, 16)
_tokens = count(1)


@dataclass
class Response:
    """A whole response that a test may change before it is sent."""

    path: str
    query: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def set(self, body: Any, status: int | None = None) -> None:
        self.body, self.status = json.dumps(body).encode(), status or self.status


Break = Callable[[Response], None]


class Broken:
    """ASGI middleware that breaks a Hub's responses."""

    def __init__(self, app: ASGIApp, spoil: Break) -> None:
        self._app, self._spoil = app, spoil

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(scope["path"], scope["query_string"].decode())

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            else:
                response.body += message.get("body", b"")

        await self._app(scope, receive, collect)
        self._spoil(response)
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        encoded.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        await send({"type": "http.response.body", "body": response.body})


@pytest.fixture(scope="module")
def population() -> Population:
    return simulated(WEEK, scale=0.0035)


def examined(population: Population, root: Path, spoil: Break = lambda _: None, token: bool = True) -> Examination:
    app = build_app(population, quota=Quota(100_000, 300))
    with running(Broken(app, spoil)) as url:
        # with its own token, a test does not share rate-limit state with other tests
        client = HubClient(url, f"hf_doctor_{next(_tokens)}" if token else False, attempts=1, is_local=True)
        examination = examine(client, root)
    assert app.state.counters.requests <= 20
    return examination


def by_status(examination: Examination, *statuses: str) -> set[str]:
    return {finding.name for finding in examination.findings if finding.status in statuses}


@pytest.mark.parametrize("token", [True, False])
def test_a_healthy_hub_and_machine_have_no_differences(population: Population, tmp_path: Path, token: bool) -> None:
    examination = examined(population, tmp_path / "home", token=token)
    differences = [finding for finding in examination.findings if finding.status != "ok"]
    assert {finding.name for finding in differences} <= {"memory", "disk"}, differences
    assert len(examination.findings) > 25
    assert not (tmp_path / "home").exists()


def headers(**values: str | None) -> Break:
    """Replace headers, or remove those whose value is None."""

    def spoil(response: Response) -> None:
        for name, value in values.items():
            response.headers.pop(name.replace("_", "-"), None)
            if value is not None:
                response.headers[name.replace("_", "-")] = value

    return spoil


def rows_of(plural: str, change: Callable[[dict[str, Any]], object]) -> Break:
    """Change the rows of a listing."""

    def spoil(response: Response) -> None:
        if response.path == f"/api/{plural}" and response.status == 200:
            rows = response.json
            for row in rows:
                change(row)
            response.set(rows)

    return spoil


def on(pattern: str, spoil: Break, query: str = "") -> Break:
    """Break only the responses to matching paths and queries."""

    def chosen(response: Response) -> None:
        if re.fullmatch(pattern, response.path) and query in response.query:
            spoil(response)

    return chosen


def refuse_downloads(response: Response) -> None:
    if response.path == "/api/models" and "expand=downloads&" in f"{response.query}&" and response.status == 200:
        allowed = [part.partition("=")[2] for part in response.query.split("&") if part.startswith("expand=")]
        names = ", ".join(name for name in allowed if name != "downloads")
        response.set({"error": f'"expand" must be one of [{names}]'}, 400)


def each(*names: str) -> Callable[[dict[str, Any]], None]:
    """Remove the named fields."""

    def change(item: dict[str, Any]) -> None:
        for name in names:
            item.pop(name, None)

    return change


def items(change: Callable[[dict[str, Any]], object]) -> Break:
    """Change the items of a history."""

    def spoil(response: Response) -> None:
        body = response.json
        for item in body if isinstance(body, list) else body.get("discussions", []):
            change(item)
        response.set(body)

    return spoil


def another_id(response: Response) -> None:
    if response.status == 200 and isinstance(response.json, dict):
        response.set(response.json | {"_id": "f" * 24})


def shift_pages(response: Response) -> None:
    """Send the first rows again on the second page."""
    if response.path == "/api/models" and "expand=" in response.query and response.status == 200:
        if "cursor=" not in response.query:
            shift_pages.first = response.json[:10]  # type: ignore[attr-defined]
        else:
            response.set(shift_pages.first + response.json)  # type: ignore[attr-defined]


def short_pages(response: Response) -> None:
    if response.path == "/api/models" and "limit=1000" in response.query and response.status == 200:
        response.set(response.json[:100])


COMMITS, DISCUSSIONS = r"/api/models/.+/commits/main", r"/api/models/.+/discussions"
BROKEN: dict[str, tuple[Break, str, str]] = {
    "the Hub is down": (lambda r: r.set({}, 503), "connection", "failure"),
    "the token is refused": (
        on("/api/whoami-v2", lambda r: r.set({"error": "Invalid credentials in Authorization header"}, 401)),
        "token",
        "failure",
    ),
    "no Date": (headers(date=None), "clock", "warning"),
    "another clock": (
        headers(date=format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True), x_hub_population=None),
        "clock",
        "warning",
    ),
    "no rate-limit headers": (headers(ratelimit=None, ratelimit_policy=None), "rate-limit headers", "warning"),
    "other rate-limit headers": (headers(ratelimit="limit=500, remaining=499"), "rate-limit headers", "warning"),
    "no policy": (headers(ratelimit_policy=None), "rate-limit headers", "warning"),
    "calls that are not counted": (headers(ratelimit='"api";r=400;t=100'), "rate-limit headers", "warning"),
    "a listing in an envelope": (
        on("/api/datasets", lambda r: r.set({"items": r.json})),
        "listing of datasets",
        "failure",
    ),
    "an empty listing": (on("/api/spaces", lambda r: r.set([])), "listing of spaces", "failure"),
    "rows without _id": (rows_of("datasets", each("_id")), "rows of datasets", "failure"),
    "a field of another type": (rows_of("models", lambda row: row.update(likes="many")), "rows of models", "warning"),
    "a field that is gone": (rows_of("datasets", each("sha")), "fields of datasets", "failure"),
    "a field that is new": (rows_of("spaces", lambda row: row.update(stars=1)), "fields of spaces", "warning"),
    "a name that is refused": (refuse_downloads, "expand names of models", "warning"),
    "names that are not checked": (
        on("/api/models", lambda r: r.set([], 200), "expand=hub-assets-doctor"),
        "expand names",
        "warning",
    ),
    "a refusal without names": (
        on("/api/models", headers(x_error_message="bad expand"), "expand=hub-assets-doctor"),
        "expand names",
        "warning",
    ),
    "another order": (
        on("/api/models", lambda r: r.set(r.json[::-1]) if r.status == 200 else None, "limit=1000"),
        "order of models",
        "warning",
    ),
    "smaller pages": (short_pages, "page size of models", "warning"),
    "no Link": (on("/api/models", headers(link=None)), "page size of models", "failure"),
    "a Link elsewhere": (
        on("/api/models", headers(link='<https://elsewhere.example/api/models>; rel="next"')),
        "listing of models",
        "failure",
    ),
    "a Link that cannot be read": (on("/api/models", headers(link="next: page 2")), "listing of models", "failure"),
    "pages that shift": (shift_pages, "next page of models", "warning"),
    "another _id of a single repository": (on(r"/api/models/[^/]+/[^/]+", another_id), "single repository", "failure"),
    "commits in an envelope": (on(COMMITS, lambda r: r.set({"commits": r.json})), "commits", "failure"),
    "commits without a date": (on(COMMITS, items(each("date"))), "commits", "failure"),
    "authors without a name": (
        on(COMMITS, items(lambda item: [each("user")(author) for author in item["authors"]])),
        "commits",
        "warning",
    ),
    "dates of another form": (on(COMMITS, items(lambda item: item.update(date=17))), "commits", "warning"),
    "no total": (on(COMMITS, headers(x_total_count=None)), "total of commits", "warning"),
    "another total": (on(COMMITS, headers(x_total_count="999"), "limit=1000"), "total of commits", "warning"),
    "commits without pages": (on(COMMITS, headers(link=None), "limit=1"), "pages of commits", "failure"),
    "no discussions": (on(DISCUSSIONS, lambda r: r.set(r.json["discussions"])), "discussions", "failure"),
    "no count": (
        on(DISCUSSIONS, lambda r: r.set({k: v for k, v in r.json.items() if k != "count"})),
        "discussions",
        "warning",
    ),
    "a moved path": (on(DISCUSSIONS, lambda r: r.set({"error": "Not found"}, 404)), "discussions", "failure"),
    "missing repositories that exist": (
        on(r"/api/models/hub-assets-doctor/.*", lambda r: r.set({"_id": "0" * 24}, 200)),
        "missing repository",
        "warning",
    ),
    "another status": (
        on(r"/api/models/hub-assets-doctor/.*", lambda r: r.set({"error": "no"}, 422)),
        "missing repository",
        "warning",
    ),
    "no redirects": (
        lambda r: r.set({"error": "Not found"}, 404) if r.status == 307 else None,
        "renamed repository",
        "warning",
    ),
    "no code for gated": (on(COMMITS, headers(x_error_code=None)), "gated repository", "warning"),
    "no accounts": (
        on(r"/api/(users|organizations)/.*", lambda r: r.set({"error": "no such path"}, 404)),
        "accounts",
        "warning",
    ),
}


ALSO = {"another _id of a single repository": {"renamed repository"}}
"""Further findings that a broken assumption causes, because they need the same data."""


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_each_broken_assumption_is_named(population: Population, tmp_path: Path, what: str) -> None:
    spoil, name, status = BROKEN[what]
    examination = examined(population, tmp_path, spoil)
    found = {finding.name: finding for finding in examination.findings}
    assert name in found, found.keys()
    assert found[name].status == status, found[name]
    assert found[name].meaning
    assert found[name].remedy
    blamed = by_status(examination, "failure", "warning") - {name, "memory", "disk"}
    assert blamed == ALSO.get(what, set())


def command(home: Path, url: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.main, ["doctor", "--home", str(home)], env={"HF_ENDPOINT": url, **environment})


def test_the_command_prints_and_keeps_the_result(population: Population, tmp_path: Path) -> None:
    spoil = rows_of("models", lambda row: row.update(likes="many"))
    with running(Broken(build_app(population, quota=Quota(100_000, 300)), spoil)) as url:
        result = command(tmp_path, url)
    assert result.exit_code == 0, result.output
    assert "! rows of models: of 1,000 rows: likes has another type" in result.output
    assert "kept in `extra`" in result.output
    kept = last_examination(tmp_path)
    assert kept is not None
    assert kept.endpoint == url
    assert "rows of models" in {finding.name for finding in kept.warnings}


def test_the_command_fails_if_a_snapshot_would_and_the_first_snapshot_is_refused(
    population: Population, tmp_path: Path
) -> None:
    app = build_app(population, quota=Quota(100_000, 300))
    with running(Broken(app, on("/api/spaces", lambda r: r.set([])))) as url:
        result = command(tmp_path, url)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        before = app.state.counters.requests
        snapshot = CliRunner().invoke(cli.main, ["snapshot", "--home", str(tmp_path)], env={"HF_ENDPOINT": url})
    assert snapshot.exit_code == 1
    assert "listing of spaces: it is empty" in snapshot.output
    assert app.state.counters.requests - before <= 20
    assert not Lake(tmp_path / "lake").weeks_begun("raw_hub__models")


def test_the_schedule_warns_from_the_last_result(
    population: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert doctor_warning(None) is None
    good = Examination("http://hub", datetime(2026, 11, 16, tzinfo=UTC), "1", (Finding("clock", "ok", "fine"),))
    assert doctor_warning(good) is None
    monkeypatch.setenv("HUB_ASSETS_HOME", str(tmp_path))
    bad = Finding("listing of models", "failure", "it is empty", "m", "r")
    save(tmp_path, Examination("http://hub", good.examined_at, "1", (*good.findings, bad)))
    warning = doctor_warning(last_examination(tmp_path))
    assert warning is not None
    assert "this snapshot will fail (http://hub on 2026-11-16): listing of models: it is empty" in warning
    monday = datetime.combine(population.week, datetime.min.time(), UTC)
    context = dg.build_schedule_context(scheduled_execution_time=monday)
    with running(build_app(population, quota=Quota(1_000, 300))) as url:
        request = weekly_snapshot_schedule(HubResource(endpoint=url, use_token=False))(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == str(population.week)
    assert warning in capfd.readouterr().err
    (tmp_path / "doctor.json").write_text("{")
    assert last_examination(tmp_path) is None


def test_faults_of_the_home_are_named(population: Population, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.bind("https://hub.example", None)
    home.decisions.write_text("nonsense\n")
    home.secret.write_text("short")
    home.lake.folder("raw_hub__models", date(2026, 11, 23)).mkdir(parents=True)
    findings = {f.name: f for f in machine.examine_machine(tmp_path, "https://hub.example", None, None)}
    assert findings["decisions"].status == findings["secret"].status == "failure"
    findings = {f.name: f for f in machine.examine_machine(tmp_path, "https://other.example", None, None)}
    assert findings["home"].status == "failure"
    assert "https://hub.example" in findings["home"].found
    home.lake.set_manifest("raw_hub__models", date(2026, 11, 23), Manifest(complete=True))
    now = datetime(2026, 11, 18, tzinfo=UTC)
    findings = {f.name: f for f in machine.examine_machine(tmp_path, "https://hub.example", None, now)}
    assert findings["home"].status == "failure"
    assert "later week" in findings["home"].found
    with home.written_by("another writer", print):
        findings = {f.name: f for f in machine.examine_machine(tmp_path, "https://hub.example", None, None)}
    assert findings["lock"].status == "warning"
    assert f"another writer (process {os.getpid()}" in findings["lock"].found
    (tmp_path / "home.json").write_text('{"source": "x", "format": 99}')
    findings = {f.name: f for f in machine.examine_machine(tmp_path, "x", None, None)}
    assert "format 99" in findings["home"].found


def test_a_missing_secret_of_a_pinned_home_and_a_small_disk_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.bind("https://hub.example", None)
    home.pin("0" * 16)
    monkeypatch.setattr(machine, "FREE_FOR_A_RUN", 2**60)
    monkeypatch.setattr(machine, "MEMORY", 2**60)
    findings = {f.name: f for f in machine.examine_machine(tmp_path, "https://hub.example", None, None)}
    assert findings["secret"].status == findings["disk"].status == "failure"
    assert findings["memory"].status == "warning"
