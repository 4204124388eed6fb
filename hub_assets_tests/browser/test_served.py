"""The served pages in a browser: the server adds what static pages lack, and search works."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from hub_assets.local_hub.server import running
from hub_assets.report.serve.app import build_app
from hub_assets.report.site.build import build_site
from hub_assets.report.site.page import Page as SitePage
from hub_assets.report.site.pages import base_models, dataverse, heatmap, modelverse, overview, queries, search
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.browser.conftest import serious_faults
from hub_assets_tests.browser.test_explorers import WEEK, check_numbers, chromium
from hub_assets_tests.report.serve.conftest import Served, copied, project, served

__all__ = ["chromium", "project", "served"]

pytestmark = pytest.mark.slow

SMALL = 40
"""Number of models on the pages of these tests; only the server knows the others."""
Visit = Callable[..., Page]


def small(page: SitePage, module: Any, **names: str) -> SitePage:
    """Return a page whose queries select few rows, as they would on a whole Hub."""

    def content(week: Week) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for name, sql in names.items():
                query: Query = getattr(module, name)
                patch.setattr(module, name, replace(query, sql=sql))
            return page.content(week)

    return replace(page, content=content)


def fewer(sql: str) -> str:
    """Return a query with smaller limits."""
    given = sql
    for limit in ("limit 7000", "limit 6000", "limit 3000", "limit 2000", "limit 800"):
        sql = sql.replace(limit, f"limit {SMALL if limit != 'limit 800' else 2}")
    assert sql != given
    return sql


@pytest.fixture(scope="module")
def small_site(served: Served, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The week, with pages that contain a small part of it."""
    mine = copied(served, tmp_path_factory.mktemp("small") / "served")
    pages = [
        overview.PAGE,
        small(modelverse.PAGE, modelverse, MODELS=fewer(modelverse.MODELS.sql), TOTALS=fewer(modelverse.TOTALS.sql)),
        dataverse.PAGE,
        small(heatmap.PAGE, heatmap, ORGANIZATIONS=fewer(heatmap.ORGANIZATIONS.sql), DAYS=fewer(heatmap.DAYS.sql)),
        small(base_models.PAGE, base_models, NODES=fewer(base_models.NODES.sql)),
        search.PAGE,
        queries.PAGE,
    ]
    build_site(mine.warehouse, mine.folder / "report", WEEK, project, pages=pages)
    return mine


@pytest.fixture
def address(small_site: Served) -> Iterator[str]:
    published = small_site.published
    with running(build_app(published), date_header=True) as url:
        yield url
    published.close()


@pytest.fixture
def visit(chromium: Browser, address: str, small_site: Served) -> Iterator[Visit]:
    """Open pages; at the end, none may have logged an error, opened a dialog, or contacted another host."""
    faults: list[str] = []
    contexts = []

    def visit_(page_address: str, *, base: str = address, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": 1200, "height": 900}, **options)
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on(
            "request", lambda request: None if request.url.startswith((base, "data:")) else faults.append(request.url)
        )
        page.goto(f"{base}/{page_address}")
        return page

    yield visit_
    for context in contexts:
        context.close()
    # a browser logs every 404, including the one for a name that does not exist
    assert [fault for fault in faults if "404 (Not Found)" not in fault] == []


def frame(served: Served, select: str) -> Any:
    return pd.DataFrame(served.rows(select))


def test_maps_cover_all_repositories(visit: Visit, small_site: Served) -> None:
    models = frame(small_site, "select * from mart__models")
    page = visit("modelverse.html")
    status = page.locator("#map-status")
    expect(status).to_contain_text("600 selected models")
    assert len(page.evaluate("hub.data('modelverse').ids")) < 300
    check_numbers(page, models, models, "n_downloads")
    form = page.locator("#map-form")
    form.locator('[name="license"]').select_option("=restrictive")
    selected = models[models["license_group"] == "restrictive"]
    expect(status).to_contain_text(f"of {len(selected)} selected")
    check_numbers(page, selected, models, "n_downloads")
    form.locator('[name="measure"]').select_option("n_likes")
    form.locator('[name="skip"]').fill("google, META")
    form.locator('[name="skip"]').blur()
    selected = selected[~selected["organization"].isin(["Google", "Meta"])]
    expect(status).to_contain_text(f"of {len(selected)} selected")
    check_numbers(page, selected, models, "n_likes")
    with page.expect_download() as download:
        page.locator(".downloads a", has_text="CSV").click()
    assert download.value.suggested_filename == "map-models.csv"
    first = Path(download.value.path()).read_text(encoding="utf-8").splitlines()[1]
    assert first.startswith(f'"{page.locator("#map-table tbody th").first.inner_text()}"')
    page = visit("dataverse.html#?map.benchmark=*")
    expect(page.locator("#map-status")).to_contain_text("of 2 selected datasets")


def test_any_organization_has_a_calendar(visit: Visit, small_site: Served) -> None:
    page = visit("heatmap.html")
    present = page.evaluate("hub.data('heatmap').organizations.map((each) => each.name)")
    days = frame(small_site, "select * from mart__organization_days where n_created > 0")
    absent = sorted(set(days["organization"]) - set(present) - {name for name in days["organization"] if "<" in name})
    name = next(each for each in absent if each.isascii() and each.isidentifier())
    page.locator('[name="o1"]').fill(name.upper())
    page.locator('[name="o2"]').fill("nobody at all")
    page.locator('[name="period"]').select_option("2024")
    expect(page.locator("#days-table tbody tr")).to_have_count(1)
    expect(page.locator("#days-status")).to_contain_text("Not among the organizations of this week: nobody at all")
    own = days[(days["organization"] == name) & (days["activity_date"].map(lambda day: day.year) == 2024)]
    expect(page.locator('#days-table [data-number="sum"]')).to_have_attribute("value", str(own["n_created"].sum()))


def test_any_family_is_complete(visit: Visit, small_site: Served) -> None:
    nodes = frame(small_site, "select * from network__family_nodes").set_index("repo_id")
    page = visit("base-models.html")
    present = set(page.evaluate("hub.data('base-models').ids"))
    plain = [each for each in nodes.index if each.replace("/", "").replace("-", "").isalnum()]
    absent = nodes.loc[[each for each in plain if each not in present]]
    deepest = absent.sort_values("depth").index[-1]
    page.locator('[name="m"]').fill(deepest)
    expect(page.locator("#family-name")).to_have_text(deepest)
    expect(page.locator("#family-ancestors > li")).to_have_count(int(nodes.loc[deepest, "n_bases"]))
    # if not all derivatives of a root are on the page, the others come from the server
    root = nodes.loc[plain].sort_values("n_children").index[-1]
    assert nodes.loc[root, "n_children"] < 100
    page.locator('[name="m"]').fill(root)
    expect(page.locator("#family-name")).to_have_text(root)
    entries = page.locator("#family-descendants > li")
    more = page.locator("#family-descendants > li > button.quiet")
    while more.count():
        more.click()
    expect(entries).to_have_count(int(nodes.loc[root, "n_children"]))
    parents = page.locator("#family-descendants > li > details")
    parents.first.locator("> summary").focus()
    page.keyboard.press("Enter")
    name = parents.first.locator("> summary button").inner_text()
    inner = parents.first.locator("> ul > li")
    expect(inner.first).to_be_visible()
    while (again := parents.first.locator("> ul > li > button.quiet")).count():
        again.click()
    expect(inner).to_have_count(int(nodes.loc[name, "n_children"]))


def test_search_finds_filters_and_compares(visit: Visit, small_site: Served) -> None:
    page = visit("search.html")
    expect(page.locator("#search-absent")).to_be_hidden()
    status = page.locator("#search-status")
    expect(status).to_contain_text("top repositories of the week")
    page.locator('[name="query"]').fill("speech")
    expect(status).to_contain_text("Found, 20 results")
    rows = page.locator("#search-table tbody tr")
    assert all("speech" in text for text in rows.all_inner_texts())
    page.locator('[name="min_likes"]').fill("40")
    page.locator('[name="min_likes"]').blur()
    likes = page.locator('#search-table [data-number="likes"]')
    for _ in range(200):
        values = likes.evaluate_all("(all) => all.map((each) => Number(each.value))")
        if values and min(values) >= 40:
            break
        page.wait_for_timeout(50)
    assert min(values) >= 40
    # the URL restores the search in another window
    copy = visit(page.url.rsplit("/", 1)[1])
    expect(copy.locator("#search-table tbody tr")).to_have_count(rows.count())
    rows.first.locator("button").click()
    expect(status).to_contain_text("Similar")
    assert page.locator('[name="like"]').input_value() != ""
    page.locator('button[type="reset"]').click()
    page.locator('[name="type"]').select_option("spaces")
    expect(page.locator("#search-table thead")).not_to_contain_text("Downloads")
    page.locator('[name="query"]').fill("<img src=x onerror=alert(1)> {{7*7}}")
    page.wait_for_timeout(600)
    assert page.locator("main img").count() == 0


def test_a_site_without_the_server_says_so(visit: Visit, small_site: Served) -> None:
    site = small_site.folder / "report" / str(WEEK)
    page = visit("search.html", base=site.as_uri())
    expect(page.locator("#search-absent")).to_be_visible()
    expect(page.locator("#search")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_served_pages_have_no_serious_fault_for_assistive_technology(visit: Visit, scheme: str) -> None:
    for name in ("search.html", "search.html#?search.query=speech", "modelverse.html", "api.html"):
        page = visit(name, color_scheme=scheme)
        page.wait_for_load_state("networkidle")
        assert serious_faults(page) == [], name


def test_the_keyboard_reaches_every_control_of_search(visit: Visit) -> None:
    page = visit("search.html")
    controls = page.locator("form.explorer select, form.explorer input, form.explorer button")
    names = set(controls.evaluate_all("(all) => all.map((each) => each.name || each.textContent)"))
    reached = set()
    page.locator("h1").click()
    for _ in range(60 + 2 * len(names)):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        if names <= reached:
            break
    assert names <= reached
