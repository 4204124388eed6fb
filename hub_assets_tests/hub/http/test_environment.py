"""Machine settings (endpoint paths, proxies, tokens, offline mode) work as in `HfApi` or cause a one-sentence error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hub_assets.hub.http.client import HubClient
from hub_assets.hub.http.endpoint import Endpoint
from hub_assets.hub.http.errors import HubBroken, Misconfigured
from hub_assets_tests.hub.hostile import HostileHub, hostile

NOWHERE = "127.0.0.1:9"
PATH = "/artifactory/api/huggingfaceml/hf"
LISTED = "/api/models?limit=1"


def client_of(hub: HostileHub, url: str | None = None) -> HubClient:
    return HubClient(url or hub.url, hub.token, attempts=1)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://huggingface.co/", "https://huggingface.co"),
        ("https://HuggingFace.co", "https://huggingface.co"),
        ("https://huggingface.co:443", "https://huggingface.co"),
        (f"https://proxy{PATH}//", f"https://proxy{PATH}"),
        ("http://[::1]:8700/hub", "http://[::1]:8700/hub"),
        (" http://127.0.0.1:8700\n", "http://127.0.0.1:8700"),
    ],
)
def test_endpoint_accepts_path(address: str, url: str) -> None:
    endpoint = Endpoint(address)
    assert endpoint.url == url
    assert endpoint.url_of(LISTED) == url + LISTED
    assert endpoint.path_of(url + LISTED, "/api/datasets") == LISTED


@pytest.mark.parametrize(
    "address",
    [
        *(
            "huggingface.co",
            "ftp://huggingface.co",
            "https://",
            "//huggingface.co",
            "http://[::1",
            "http://h:99999x",
            "",
        ),
        *(
            "https://h?x=1",
            "https://h#x",
            "https://user:password@h",
            "user:password@h",
            "http://h:port@x",
            "http://\x00",
        ),
    ],
)
def test_invalid_address_is_reported_without_password(address: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        HubClient(address, False)
    assert "password" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "token", ["hf_ünïcode", "hf_with space", "hf_two\nlines", "hf_\u200bzero", "hf_\x7f", "\ud800"]
)
def test_malformed_token_is_reported_but_not_shown(token: str) -> None:
    with pytest.raises(Misconfigured, match="HF_TOKEN") as caught:
        HubClient("https://huggingface.co", token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"HTTP_PROXY": "{hub}"},
        {"http_proxy": "http://{hub}"},
        {"ALL_PROXY": "{hub}"},
        {"all_proxy": "http://{hub}/", "no_proxy": "10.0.0.0/8,example.org"},
        {"HTTP_PROXY": "http://user:pass@{hub}", "NO_PROXY": "::1,10.0.0.0/8"},
    ],
)
def test_a_proxy_is_used_as_httpx2_reads_it(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile() as (hub, _):
        for name, value in settings.items():
            monkeypatch.setenv(name, value.format_map(hub.names))
        # this host does not exist, so only a proxy can respond
        client_of(hub, "http://hub.invalid").contact()
        assert [row.id for row in HfApi("http://hub.invalid", token=False).list_models(limit=1)] == ["acme/r0"]
        assert [seen.headers["host"] for seen in hub.asked] == ["hub.invalid"] * 2


@pytest.mark.parametrize("direct", ["127.0.0.1", "*", "::1,10.0.0.0/8,127.0.0.1", " 127.0.0.1 ,", "[::1],127.0.0.1"])
def test_no_proxy_is_respected(direct: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile() as (hub, _):
        monkeypatch.setenv("HTTP_PROXY", NOWHERE)
        monkeypatch.setenv("NO_PROXY", direct)
        client_of(hub).contact()
        assert hub.asked


def test_local_hub_ignores_proxy_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile() as (hub, _):
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "socks4://nowhere")
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
        HubClient(hub.url, False, is_local=True).contact()
        assert hub.asked


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "socksio"),
        ("HTTP_PROXY", "socks4://127.0.0.1:9", "socks4"),
        ("HTTPS_PROXY", "http://proxy:port", "port"),
        ("HTTP_PROXY", "http://\x01", "HTTP_PROXY"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem", "SSL_CERT_FILE"),
    ],
)
def test_unusable_setting_is_reported(name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with hostile() as (hub, _), pytest.raises(Misconfigured, match=words):
        client_of(hub).contact()


def test_unreachable_proxy_counts_as_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    with hostile() as (hub, _), pytest.raises(HubBroken, match="ConnectError"):
        client_of(hub).contact()


def test_implicit_token_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    with hostile() as (hub, _):
        assert HubClient(hub.url).has_token
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
        client = HubClient(hub.url)
        client.contact()
        assert not client.has_token
        assert not any("authorization" in seen.headers for seen in hub.asked)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("HF_TOKEN", "hf_tökén", "HF_TOKEN"), ("ALL_PROXY", "socks5://127.0.0.1:9", "socksio")],
)
def test_the_command_reports_an_unusable_setting_in_one_sentence(
    name: str, value: str, words: str, tmp_path: Path
) -> None:
    with hostile() as (hub, _):
        environment = os.environ | {"HF_ENDPOINT": hub.url, name: value}
        command = [sys.executable, "-m", "hub_assets", "snapshot", "--home", str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert hub.asked == []
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: ")
    assert words in sentence
    assert "hf_t" not in sentence


@pytest.mark.slow
def test_offline_mode_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with hostile() as (hub, _):
        # huggingface_hub reads these variables at import
        environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "hub_assets", "snapshot", "--home", str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert hub.asked == []
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: Offline mode")
    assert "unset HF_HUB_OFFLINE" in sentence
