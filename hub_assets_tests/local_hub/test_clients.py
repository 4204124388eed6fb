"""Hugging Face's own client and command line, unmodified, against the local Hub."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

from hub_assets_tests.local_hub.conftest import Hub


@pytest.fixture
def api(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    # otherwise its first call goes to the real Hub's /api/agent-harnesses; HF_ENDPOINT is read on import
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    return HfApi(endpoint=hub.url, token=False)


def test_listings(api: HfApi, hub: Hub) -> None:
    models = list(api.list_models(expand=["sha", "likes", "tags", "safetensors", "cardData"]))
    assert len({model.id for model in models}) == len(hub.population.repos["model"]) > 1000
    assert all(model.sha and model.tags for model in models)
    full = next(iter(api.list_models(full=True, sort="likes", limit=1)))
    assert full.author
    assert full.last_modified
    assert len(list(api.list_datasets(full=True))) == len(hub.population.repos["dataset"])
    spaces = list(api.list_spaces(expand=["models"]))
    assert any("gpt2" in (space.models or []) for space in spaces)
    assert len(list(api.list_models(limit=3, filter="license:mit"))) == 3


def test_infos(api: HfApi) -> None:
    info = api.model_info("gpt2")
    assert info.id == "openai-community/gpt2"
    assert info.spaces
    assert api.model_info("ctrl", revision="main", expand=["downloadsAllTime"]).downloads_all_time
    assert api.space_info(next(iter(api.list_spaces(limit=1))).id).runtime
    assert api.dataset_info(next(iter(api.list_datasets(limit=1))).id).sha


def test_accounts(api: HfApi, hub: Hub) -> None:
    members = hub.population.members
    assert members is not None
    org, user = members["org"][0].as_py(), members["user"][0].as_py()
    assert user in [member.username for member in api.list_organization_members(org)]
    overview = api.get_user_overview(user)
    assert overview.username == user
    assert org in [each.name for each in overview.orgs]
    assert api.get_organization_overview(org).num_users
    assert api.whoami(token="hf_test")["type"] == "user"


def test_errors(api: HfApi) -> None:
    with pytest.raises(BadRequestError, match=r'"expand" must be one of \['):
        list(api.list_models(expand=["baseModels"]))
    with pytest.raises(HfHubHTTPError) as missing:
        api.model_info("nobody/nothing")
    assert missing.value.response.status_code == 401
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        api.whoami(token="hf_invalid")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("models ls --limit 3", "TRENDING_SCORE"),
        ("models info openai-community/gpt2", "openai-community/gpt2"),
        ("auth whoami", "local-user"),
    ],
)
def test_the_hf_command(hub: Hub, tmp_path: Path, command: str, shown: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_TOKEN": "hf_test"}
    hf = Path(sys.executable).with_name("hf")
    before = hub.counters.by_kind["other"]
    done = subprocess.run([hf, *command.split()], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    # with telemetry on, it requests /api/agent-harnesses and tolerates the 404
    assert hub.counters.by_kind["other"] > before
