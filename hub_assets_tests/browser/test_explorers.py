"""The explorers in a browser: their numbers match SQL queries, and everybody can use and share the pages."""

import random
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub_assets.report.site.build import build_site
from hub_assets.report.site.pages import base_models, dataverse, heatmap, modelverse, queries
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.browser.conftest import serious_faults
from hub_assets_tests.report.explored import publish
from hub_assets_tests.warehouse.building import SOURCES
from hub_assets_tests.warehouse.conftest import project

__all__ = ["project"]

pytestmark = pytest.mark.slow

WEEK = date(2026, 11, 16)
PAGES = (modelverse, dataverse, heatmap, base_models, queries)
EXPLORERS = ("modelverse", "dataverse", "heatmap", "base-models")
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "\u202eright-to-left",
    "x" * 10_000,
    'quote"onmouseover="alert(1)',
)
NAMESPACES = (
    "google",
    "google-bert",
    "facebook",
    "Qwen",
    "bigscience",
    "cardiffnlp",
    "nobody-knows",
    "TheBloke",
    *HOSTILE,
)
LICENSES = ("mit", "apache-2.0", "cc-by-nc-4.0", "llama3", "other", None)


def rows_of(kind: str, n: int) -> list[dict[str, Any]]:
    """Return a listing in which namespaces, licenses, tasks and dates vary, and four in five models have a base."""
    draw = random.Random(kind)
    rows: list[dict[str, Any]] = []
    for place in range(n):
        namespace = NAMESPACES[min(int(draw.expovariate(0.4)), len(NAMESPACES) - 1)]
        license_ = draw.choice(LICENSES)
        tags = [f"license:{license_}"] if license_ else []
        tags += draw.sample(["biology", "music", "symbiosis", "finance", "language:en", "language:de", "video"], 2)
        if kind == "model" and place % 5 and rows:
            base = rows[int(len(rows) * draw.random() ** 3)]["id"]
            tags.append(f"base_model:{draw.choice(['finetune', 'adapter', 'quantized', 'merge'])}:{base}")
        rows.append(
            {
                "snapshot_date": WEEK,
                "observed_at": datetime(2026, 11, 16),
                "_id": f"{kind}{place:05}",
                "id": f"{namespace}/{kind}-{place}",
                "createdAt": datetime(2023, 1, 1) + timedelta(days=draw.randrange(1_400)),
                "likes": draw.randrange(50),
                "downloads": int(draw.paretovariate(0.7) * 10),
                "downloadsAllTime": int(draw.paretovariate(0.6) * 100),
                "tags": tags,
                "pipeline_tag": draw.choice(["text-generation", "text-to-speech", "robotics", None]),
                "safetensors": draw.choice([None, {"total": draw.randrange(10**6, 10**11), "parameters": None}]),
                "models": [f"google/model-{draw.randrange(60)}"],
            }
        )
    if kind == "dataset":
        rows[0]["id"], rows[1]["id"] = "cais/mmlu", "openai/gsm8k"
    return rows


def listing(kind: str, n: int) -> pa.Table:
    schema = SOURCES[f"raw_hub__{kind}s"]
    rows = [{name: row[name] for name in schema.names if name in row} for row in rows_of(kind, n)]
    return pa.Table.from_pylist(rows, schema)


class Site(NamedTuple):
    """The site, and the warehouse behind it."""

    folder: Path
    warehouse: Path

    def frame(self, select: str) -> pd.DataFrame:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.sql(select).df()


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory, project: Project) -> Site:
    folder = tmp_path_factory.mktemp("explored")
    tables = {f"raw_hub__{kind}s": listing(kind, n) for kind, n in (("model", 600), ("dataset", 150), ("space", 80))}
    warehouse = publish(folder / "warehouse.duckdb", project, WEEK, tables)
    built = build_site(warehouse, folder / "report", WEEK, project, pages=[page.PAGE for page in PAGES])
    return Site(built.index.parent, warehouse)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "the browser tests need Debian's package chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, explored: Site) -> Iterator[Visit]:
    """A function that opens a page; the test fails if a page logs an error, opens a dialog or contacts another host."""
    faults: list[str] = []
    contexts = []

    def visit_(address: str, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": 1200, "height": 900}, **options)
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((explored.folder.as_uri(), "data:")) else faults.append(request.url)
            ),
        )
        page.goto(f"{explored.folder.as_uri()}/{address}")
        return page

    yield visit_
    for context in contexts:
        context.close()
    assert faults == []


def shown(page: Page) -> dict[str, float]:
    """Return the numbers below a map."""
    found: dict[str, str] = page.locator("#map-numbers data").evaluate_all(
        "(all) => Object.fromEntries(all.map((each) => [each.dataset.number, each.value]))"
    )
    return {name: float(value) for name, value in found.items()}


def check_numbers(page: Page, selected: pd.DataFrame, everything: pd.DataFrame, measure: str, top: int = 20) -> None:
    found = shown(page)
    values = selected[measure].fillna(0)
    sums = selected.assign(value=values).groupby("organization")["value"].sum().sort_values(ascending=False)
    assert found["n_selected"] == len(selected)
    assert found["total"] == values.sum()
    assert found["share_of_all"] == pytest.approx(values.sum() / everything[measure].sum())
    assert found["hhi"] == pytest.approx(((sums / sums.sum()) ** 2).sum())
    pairs = np.abs(values.to_numpy()[:, None] - values.to_numpy()[None, :])
    assert found["gini"] == pytest.approx(pairs.mean() / (2 * values.mean()))
    leading = sums[sums > 0].head(5) / sums.sum()
    assert [found[f"share_{place}"] for place in range(1, len(leading) + 1)] == pytest.approx(list(leading))
    in_map = sums[sums > 0].head(top).index
    assert found["n_shown"] == selected["organization"].isin(in_map).sum()
    expect(page.locator("#map-table tbody tr")).to_have_count(len(in_map))
    expect(page.locator("#map-plot [data-organization]")).to_have_count(len(in_map))


def test_filters_of_modelverse_change_the_map_and_its_numbers(visit: Visit, explored: Site) -> None:
    models = explored.frame("select * from mart__models")
    page = visit("modelverse.html")
    check_numbers(page, models, models, "n_downloads")
    form = page.locator("#map-form")
    form.locator('[name="measure"]').select_option("n_likes")
    form.locator('[name="license"]').select_option("=restrictive")
    selected = models[models["license_group"] == "restrictive"]
    check_numbers(page, selected, models, "n_likes")
    form.locator('[name="theme"]').select_option("=biomedical")
    selected = selected[selected["themes"].map(lambda themes: "biomedical" in list(themes))]
    assert 0 < len(selected) < 200
    check_numbers(page, selected, models, "n_likes")
    form.locator('[name="from"]').fill("2024-06-01")
    form.locator('[name="from"]').blur()
    selected = selected[pd.to_datetime(selected["created_date"]) >= "2024-06-01"]
    check_numbers(page, selected, models, "n_likes")
    form.locator('[name="skip"]').fill("google, META")
    form.locator('[name="skip"]').blur()
    selected = selected[~selected["organization"].isin(["Google", "Meta"])]
    check_numbers(page, selected, models, "n_likes")

    # the address restores the whole selection in another window, and Back undoes one step
    copy = visit(page.url.rsplit("/", 1)[1])
    check_numbers(copy, selected, models, "n_likes")
    assert copy.locator('#map-form [name="skip"]').input_value() == "google, META"
    page.go_back()
    assert form.locator('[name="skip"]').input_value() == ""
    form.locator('button[type="reset"]').click()
    check_numbers(page, models, models, "n_downloads")


def test_measures_sizes_tasks_kinds_and_single_organizations(visit: Visit, explored: Site) -> None:
    models = explored.frame("select * from mart__models")
    page = visit("modelverse.html#?map.measure=n_derivatives&map.kind==company&map.top=5&map.scale=log")
    check_numbers(page, models[models["kind"] == "company"], models, "n_derivatives", 5)
    page = visit("modelverse.html#?map.measure=n_usage_spaces&map.size==unknown&map.task=-")
    selected = models[(models["size_class"] == "unknown") & models["task"].isna()]
    check_numbers(page, selected, models, "n_usage_spaces")
    page = visit("modelverse.html")
    page.locator("#map-table button", has_text="Google").first.focus()
    page.keyboard.press("Enter")
    check_numbers(page, models[models["organization"] == "Google"], models, "n_downloads")
    # both namespaces belong to the same organization
    assert set(models[models["organization"] == "Google"]["namespace"]) == {"google", "google-bert"}


def test_dataverse_selects_benchmarks_and_languages(visit: Visit, explored: Site) -> None:
    datasets = explored.frame("select * from mart__datasets")
    page = visit("dataverse.html")
    check_numbers(page, datasets, datasets, "n_downloads")
    page.locator('[name="benchmark"]').select_option("*")
    check_numbers(page, datasets[datasets["benchmark"].notna()], datasets, "n_downloads")
    page.locator('[name="benchmark"]').select_option("")
    page.locator('[name="language"]').select_option("=de")
    check_numbers(page, datasets[datasets["languages"].map(lambda names: "de" in list(names))], datasets, "n_downloads")


def test_heatmap_sums_days_of_organizations_and_keeps_them_in_the_address(visit: Visit, explored: Site) -> None:
    days = explored.frame("select * from mart__organization_days")
    days["activity_date"] = pd.to_datetime(days["activity_date"])
    page = visit("heatmap.html")
    form = page.locator("#days-form")
    form.locator('[name="o1"]').fill("google-bert")  # a namespace selects its organization
    form.locator('[name="o2"]').fill("meta")
    form.locator('[name="o3"]').fill("no such organization")
    form.locator('[name="period"]').select_option("2024")
    expect(page.locator("#days-status")).to_contain_text("no such organization")
    of_2024 = days[days["activity_date"].dt.year == 2024]
    for what, kinds in (("all", ["model", "dataset", "space"]), ("model", ["model"])):
        form.locator('[name="what"]').select_option(what)
        for place, name in enumerate(("Google", "Meta")):
            own = of_2024[
                (of_2024["organization"] == name) & of_2024["repo_type"].isin(kinds) & (of_2024["n_created"] > 0)
            ]
            row = page.locator("#days-table tbody tr").nth(place)
            assert row.locator("th").inner_text() == name
            assert row.locator('[data-number="sum"]').get_attribute("value") == str(own["n_created"].sum())
            assert row.locator('[data-number="active"]').get_attribute("value") == str(own["activity_date"].nunique())
            drawn = page.locator(".calendar").nth(place).locator("rect")
            assert drawn.evaluate_all("(all) => all.reduce((sum, each) => sum + Number(each.dataset.n), 0)") == (
                own["n_created"].sum()
            )
            assert drawn.count() == 366
    copy = visit(page.url.rsplit("/", 1)[1])
    assert copy.locator("#days-table").inner_text() == page.locator("#days-table").inner_text()
    expect(copy.locator(".calendar")).to_have_count(2)


def test_base_model_explorer_finds_ancestors_descendants_and_drift(visit: Visit, explored: Site) -> None:
    nodes = explored.frame("select * from network__family_nodes").set_index("repo_id")
    edges = explored.frame("select * from mart__base_model_edges where not is_self_loop")
    root = nodes[nodes["is_root"] & nodes["is_listed"]].sort_values("n_descendants").index[-1]
    page = visit("base-models.html")
    page.locator('[name="m"]').fill(root.upper())
    expect(page.locator("#family-name")).to_have_text(root)
    numbers = page.locator("#family-numbers data").evaluate_all(
        "(all) => Object.fromEntries(all.map((each) => [each.dataset.number, Number(each.value)]))"
    )
    for name in ("n_roots", "n_children", "n_descendants", "n_downloads_descendants"):
        assert numbers[name] == nodes.loc[root, name]
    top = page.locator("#family-descendants > li")
    expect(top).to_have_count(min(int(nodes.loc[root, "n_children"]), 100))
    # branches are built only when a user opens them
    first = top.locator("> details").first
    assert first.locator("ul > li").count() == 0
    first.locator("> summary").focus()
    page.keyboard.press("Enter")
    name = first.locator("> summary button").inner_text()
    expect(first.locator("> ul > li")).to_have_count(int(nodes.loc[name, "n_children"]))
    page.locator('[name="relation"]').select_option("adapter")
    adapters = edges[(edges["base_repo_key"] == nodes.loc[root, "repo_key"]) & (edges["relation"] == "adapter")]
    expect(top).to_have_count(max(adapters["repo_key"].nunique(), 1))
    drift = page.locator('#drift-matrix [data-number="n_edges"]').evaluate_all(
        "(all) => all.map((each) => +each.value)"
    )
    assert sum(drift) == (edges["relation"] == "adapter").sum()
    # an address can name any model, and for one far down the tree the page lists the bases above it
    deepest = nodes.sort_values("depth").index[-1]
    page = visit(f"base-models.html#?family.m={deepest}")
    expect(page.locator("#family-ancestors > li")).to_have_count(int(nodes.loc[deepest, "n_bases"]))


def test_ids_and_names_of_the_hub_are_text(visit: Visit) -> None:
    page = visit("modelverse.html#?map.top=50")
    names = page.locator("#map-table tbody th").all_inner_texts()
    # a namespace ends at the first slash
    assert {"<script>alert(1)<", "<", "{{7*7}}"} <= set(names)
    assert all(len(name) < 300 for name in names)
    assert page.locator("main img, main iframe").count() == 0
    for address in (
        "heatmap.html#?days.o1={{7*7}}",
        "base-models.html#?family.m=<script>",
        "dataverse.html#?map.org=</script>",
    ):
        page = visit(address)
        assert "49" not in page.locator("h2").all_inner_texts()
        assert page.locator("main img, main script[src='x']").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_explorers_have_no_serious_fault_for_assistive_technology(visit: Visit, scheme: str) -> None:
    for slug in EXPLORERS:
        page = visit(f"{slug}.html", color_scheme=scheme)
        expect(page.locator("main table").first).to_be_visible()
        assert serious_faults(page) == [], slug


def test_the_keyboard_reaches_every_control(visit: Visit) -> None:
    for slug in EXPLORERS:
        page = visit(f"{slug}.html")
        controls = page.locator("form.explorer select, form.explorer input, form.explorer button")
        names = controls.evaluate_all("(all) => all.map((each) => each.name || each.textContent)")
        reached = set()
        page.locator("h1").click()
        for _ in range(60 + 3 * len(names)):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
            if set(names) <= reached:
                break
        assert set(names) <= reached, slug
        label = "(all) => all.filter((each) => !each.labels?.length && !each.textContent).map((each) => each.name)"
        assert controls.evaluate_all(label) == []


def test_labels_in_the_map_are_whole_and_inside_their_rectangles(visit: Visit) -> None:
    page = visit("modelverse.html")
    outside = page.locator("#map-plot text").evaluate_all("""(all) => all.filter((text) => {
        const inner = text.getBBox();
        const outer = text.parentNode.querySelector("rect").getBBox();
        return inner.x + inner.width > outer.x + outer.width + 1 || inner.y + inner.height > outer.y + outer.height + 1;
    }).map((text) => text.textContent)""")
    assert outside == []
    assert page.locator("#map-plot text").count() > 10
    areas = page.locator("#map-plot [data-organization]").evaluate_all(
        "(all) => all.map((each) => each.getBBox().width * each.getBBox().height)"
    )
    assert max(areas) / sum(areas) < 0.5
