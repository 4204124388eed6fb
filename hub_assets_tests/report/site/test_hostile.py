"""Whatever text comes from the Hub, every page shows it as plain text."""

import json
import re
from pathlib import Path

import duckdb
import pytest

from hub_assets.home import Home
from hub_assets.report.site.rendering import as_json, environment, text
from hub_assets_tests.golden import WEEK
from hub_assets_tests.report.site.made import Parsed, built, changed, parsed

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}}{% raw %}",
    "\u202egnp.exe\u2066",
    "x" * 10_000,
    "nul\x00and\x1b[31m",
    "'\"><b onclick=alert(1)>",
    "<!--<script>",
    "javascript:alert(1)",
    "\u2028\u2029&amp;&lt;",
]


@pytest.fixture(scope="session")
def hostile_site(two_week_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose top ids, licenses and organizations are hostile strings."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = (
        "["
        + ", ".join("'" + each.replace("'", "''").replace("\x00", "' || chr(0) || '") + "'" for each in HOSTILE)
        + "]"
    )

    def any_of(order: str) -> str:
        return f"({texts})[1 + (({order}) % {len(HOSTILE)})::bigint]"

    warehouse = changed(
        two_week_home,
        folder,
        f"update mart__top_repositories set repo_id = {any_of('rank')}",
        f"update network__model_usage set repo_id = {any_of('rank')} || rank",
        f"update network__top_organizations set organization = {any_of('rank + hash(network) % 7')}",
        f"update stats__license_shares set license = {any_of('n_first')} where license <> 'none'",
        f"update mart__repo_activity set repo_id = {any_of('hash(repo_key) % 100')} || repo_key",
    )
    home = Home(folder)
    (folder / "home.json").write_text(json.dumps({"source": "local hub, simulated <script>{{7*7}}", "format": 2}))
    assert home.warehouse == warehouse
    return built(home, folder / "site").index.parent


@pytest.mark.slow
def test_no_hostile_text_becomes_markup(hostile_site: Path, pages: dict[str, Parsed]) -> None:
    for slug, harmless in pages.items():
        page = parsed(hostile_site / f"{slug}.html")
        tags = {tag for tag, _ in page.elements}
        assert tags <= {tag for tag, _ in harmless.elements} | {"bdi", "ul", "li", "p", "span"}, slug
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes), slug
        raw = (hostile_site / f"{slug}.html").read_text(encoding="utf-8")
        assert not re.search(r"<script>alert|<img src=x|<b onclick|\x00|\x1b|\u202e|\u2066", raw), slug
        assert len(max(re.findall("x+", raw), key=len)) < 200, slug


def test_hostile_text_is_shown(hostile_site: Path) -> None:
    shown = "".join(
        "".join(parsed(path).everything) for path in (hostile_site / "activity.html", hostile_site / "adoption.html")
    )
    for expected in ("<script>alert(1)</script>", "{{7*7}}", "\\u202egnp.exe", "nul\\x00and\\x1b[31m", "xxx…"):
        assert expected in shown


def test_json_scripts_cannot_be_closed_from_inside(hostile_site: Path) -> None:
    for path in hostile_site.glob("*.html"):
        raw = path.read_text(encoding="utf-8")
        for content in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', raw, re.DOTALL):
            assert not re.search("[<>&]", content)
            json.loads(content)


@pytest.mark.parametrize("value", HOSTILE)
def test_json_is_what_it_was(value: str) -> None:
    assert json.loads(as_json({value: [value, float("nan")]})) == {value: [value, None]}
    assert as_json(value).isascii()


@pytest.mark.parametrize("value", HOSTILE)
def test_templates_do_not_run_text(value: str) -> None:
    shown = environment().from_string("{{ value|text }}{{ value }}").render(value=value)
    assert "49" not in shown
    assert "<script" not in shown
    assert str(text(value)).startswith('<bdi class="text">')


def test_the_hostile_warehouse_is_hostile(two_week_home: Home, hostile_site: Path) -> None:
    with duckdb.connect(hostile_site.parent.parent / "warehouse.duckdb", read_only=True) as connection:
        ((n,),) = connection.execute(
            "select count(*) from mart__repo_activity where snapshot_date = ? and contains(repo_id, '<script>')", [WEEK]
        ).fetchall()
    assert n > 10
