"""The client over real HTTP: errors, retries, clock and token."""

import threading
import time
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
from huggingface_hub import HfApi

from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.endpoint import Endpoint
from hub_assets.hub.http.errors import HubBroken, HubError, HubGone, HubRefused, HubThrottled, TokenRefused
from hub_assets.hub.http.pacing import PacerClosed
from hub_assets.hub.http.session import PacedTransport
from hub_assets.local_hub.app import build_app
from hub_assets.local_hub.faults import Faults
from hub_assets.local_hub.limiter import Quota
from hub_assets.local_hub.server import running
from hub_assets.local_hub.simulated import simulated

WEEK = date(2026, 11, 16)
QUOTA = Quota(1000, 1)
POPULATION = simulated(WEEK)


def client_of(url: str, **options: object) -> HubClient:
    return HubClient(url, **({"token": False, "attempts": 3, "backoff": 0.01} | options))  # type: ignore[arg-type]


def test_contact_learns_hub_time_and_population() -> None:
    earlier = simulated(date(2025, 3, 3))
    with running(build_app(earlier, quota=QUOTA)) as url:
        client = client_of(url)
        contact = client.contact()
        assert contact.population == "simulated, scale 0.01, seed 0"
        assert datetime(2025, 3, 3, 6, 30, tzinfo=UTC) <= contact.now < datetime(2025, 3, 3, 6, 31, tzinfo=UTC)
        assert client.now() - contact.now < timedelta(seconds=5)
        assert client.contact() is contact


def test_time_is_local_before_first_response() -> None:
    assert abs(client_of("http://127.0.0.1:9").now() - datetime.now(UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("path", "token", "kind", "status"),
    [
        ("/api/models/nobody/nothing", False, HubGone, 401),
        ("/api/models/nobody/nothing", "hf_good", HubGone, 404),
        ("/api/models?expand=nonsense", False, HubRefused, 400),
        ("/api/models", "hf_invalid", TokenRefused, 401),
        ("/api/nothing-here", False, HubGone, 404),
    ],
)
def test_permanent_errors_are_raised_immediately(
    path: str, token: str | bool, kind: type[HubError], status: int
) -> None:
    app = build_app(POPULATION, quota=QUOTA)
    with running(app) as url, pytest.raises(HubError) as caught:
        client_of(url, token=token).get(path)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert app.state.counters.requests == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["500", "502", "503", "504", "drop", "not-json", "429", "429-other"])
def test_temporary_faults_are_retried_and_counted(fault: str) -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse([f"{fault}x2"]))
    with running(app) as url:
        client = client_of(url)
        assert len(client.get("/api/models?limit=2").body) == 2
        assert sum(client.retries.values()) == 2


def test_a_429_without_headers_waits_for_the_window_to_pass() -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse(["429-no-headers@2x1"]))
    with running(app) as url:
        client = client_of(url)
        client.get("/api/models?limit=2")
        began = time.monotonic()
        assert len(client.get("/api/models?limit=2").body) == 2
        assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("503", HubBroken, "503"),
        ("drop", HubBroken, "RemoteProtocolError"),
        ("not-json", HubBroken, "not JSON"),
        ("429-other", HubThrottled, "429"),
    ],
)
def test_permanent_faults_raise_error_with_cause(fault: str, kind: type[HubError], words: str) -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse([fault]))
    with running(app) as url, pytest.raises(kind, match=words):
        client_of(url).get("/api/models?limit=2")
    assert app.state.counters.requests == 3


def test_call_with_timeout_none_still_times_out() -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse(["slow:30"]))
    with running(app) as url:
        transport = PacedTransport(httpx2.HTTPTransport(), Endpoint(url), read_seconds=0.2)
        with httpx2.Client(transport=transport) as session, pytest.raises(httpx2.ReadTimeout):
            session.get(f"{url}/api/models?limit=1", timeout=None)


def test_slow_response_times_out() -> None:
    app = build_app(POPULATION, quota=QUOTA, faults=Faults.parse(["slow:30"]))
    with running(app) as url:
        client = client_of(url, attempts=2, read_seconds=0.2)
        with pytest.raises(HubBroken, match="ReadTimeout"):
            client.get("/api/models?limit=2")
        assert client.retries == {"ReadTimeout": 1}


def test_connection_refused_raises_hub_broken() -> None:
    with pytest.raises(HubBroken, match="ConnectError"):
        client_of("http://127.0.0.1:9").contact()


def test_rejected_token_is_detected_at_contact_and_not_shown() -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url, pytest.raises(TokenRefused) as caught:
        client_of(url, token="hf_invalid_secret").contact()
    assert "hf_invalid_secret" not in str(caught.value)


def test_redirects_are_followed_paced_and_counted_as_calls() -> None:
    old, new = next(iter(POPULATION.renames["model"].items()))
    app = build_app(POPULATION, quota=QUOTA)
    with running(app) as url:
        client = client_of(url)
        assert client.get(f"/api/models/{old}").body["id"] == new
        assert app.state.counters.requests == 2
        assert client.pacer.sent == 2


def test_huggingface_hub_calls_use_the_same_pacer() -> None:
    with running(build_app(POPULATION, quota=QUOTA)) as url:
        client = client_of(url)
        models = list(HfApi(endpoint=url, token=False).list_models(limit=3, expand=["likes"]))
        assert len(models) == 3
        assert client.pacer.sent == 1


@pytest.mark.slow
def test_threads_share_one_quota_without_a_429() -> None:
    app = build_app(POPULATION, quota=Quota(20, 1))
    with running(app) as url:
        client = client_of(url)
        threads = [
            threading.Thread(target=lambda: [client.get("/api/models?limit=1") for _ in range(10)]) for _ in range(6)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert time.monotonic() - began >= 1
    assert app.state.counters.requests == 60
    assert app.state.counters.by_status[429] == 0


def test_wait_can_be_canceled() -> None:
    with running(build_app(POPULATION, quota=Quota(1, 60))) as url:
        client = client_of(url)
        client.get("/api/models?limit=1")
        outcome: list[BaseException] = []

        def ask() -> None:
            try:
                client.get("/api/models?limit=1")
            except PacerClosed as error:
                outcome.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        client.pacer.close()
        thread.join(5)
    assert len(outcome) == 1
