"""A Python table's code version changes when code that it calls changes, and only then."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_assets.assets import claims, code_versions, figures, identities, networks, statistics
from hub_assets.assets.code_versions import code_version

ROOT = Path(code_versions.__file__).parents[1]
BUILDERS: dict[str, Callable[..., Any]] = {
    "developers": identities._build_developers,
    "statistics": statistics.build_statistics,
    "cores": networks._build_collaboration,
    "usage": networks._build_usage,
    "lorenz": figures._lorenz,
    "claims": claims.build_claims,
}


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    for cached in (code_versions._tree, code_versions._text, code_versions._contents):
        cached.cache_clear()


def versions() -> dict[str, str]:
    return {name: code_version(builder) for name, builder in BUILDERS.items()}


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("networks/cores.py", {"cores"}),
        ("networks/graph.py", {"cores"}),
        ("networks/exports.py", {"cores", "usage"}),
        ("statistics/concentration.py", {"statistics"}),
        ("identities/names.py", {"developers"}),
        ("figures/style.py", {"lorenz"}),
        ("report/ledger/judging.py", {"claims"}),
        ("resources.py", set()),
        ("assets/metadata.py", set()),
    ],
)
def test_change_of_a_module_changes_the_tables_that_use_it(
    edited: None, monkeypatch: pytest.MonkeyPatch, file: str, changed: set[str]
) -> None:
    before = versions()
    read = Path.read_text

    def with_line(path: Path, encoding: str | None = None) -> str:
        return read(path, encoding=encoding) + ("\nADDED = 1\n" if path == ROOT / file else "")

    monkeypatch.setattr(Path, "read_text", with_line)
    for cached in (code_versions._tree, code_versions._text, code_versions._contents):
        cached.cache_clear()
    assert {name for name, version in versions().items() if version != before[name]} == changed


def test_comments_docstrings_and_layout_do_not_count(edited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions()
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, encoding=None: "# A comment.\n\n" + read(path, encoding=encoding)
    )
    for cached in (code_versions._tree, code_versions._text, code_versions._contents):
        cached.cache_clear()
    assert versions() == before
    assert '"""' not in ast.unparse(code_versions._tree("hub_assets.networks.cores"))


def test_the_content_of_a_yml_beside_a_module_counts(edited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions()
    read = Path.read_text

    def with_another_value(path: Path, encoding: str | None = None) -> str:
        return read(path, encoding=encoding).replace("published: 0.22", "published: 0.23")

    monkeypatch.setattr(Path, "read_text", with_another_value)
    for cached in (code_versions._tree, code_versions._text, code_versions._contents):
        cached.cache_clear()
    assert {name for name, version in versions().items() if version != before[name]} == {"claims"}
