"""The report in a browser: it opens anywhere, charts match their tables, and everybody can use it."""

from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from hub_assets.report.site.pages import PAGES
from hub_assets_tests.browser.conftest import Open, serious_faults

pytestmark = pytest.mark.slow

SLUGS = [page.slug for page in PAGES]
WITH_CHARTS = [page.slug for page in PAGES if "charts.js" in page.scripts]


@pytest.mark.parametrize("slug", SLUGS)
def test_pages_open_from_disk_and_over_http_without_errors(slug: str, open_page: Open, server: str) -> None:
    for base in (None, server):
        page = open_page(f"{slug}.html", base=base)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator('nav a[aria-current="page"]')).to_have_count(1)


def draw_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('figure.chart').forEach((figure) => hub.charts.of(figure))")


MARKS = """(figure) => {
  const points = hub.charts.of(figure).getModel().getSeries().map((series) => series.getData());
  const drawn = points.flatMap((data) => data.mapArray((i) => Boolean(data.getItemGraphicEl(i))));
  const rows = figure.querySelectorAll("tbody tr:not(.is-unselected)");
  const shapes = figure.querySelectorAll(".plot svg path, .plot svg rect, .plot svg circle").length;
  return { marks: drawn.filter(Boolean).length, rows: rows.length, shapes };
}"""


@pytest.mark.parametrize("slug", WITH_CHARTS)
def test_charts_have_a_mark_for_each_row_of_their_table(slug: str, open_page: Open) -> None:
    page = open_page(f"{slug}.html")
    page.emulate_media(reduced_motion="reduce")
    draw_all(page)
    figures = page.locator("figure.chart").all()
    assert figures
    for figure in figures:
        choices = figure.locator("select").first
        values = (
            choices.locator("option").evaluate_all("(all) => all.map((o) => o.value)") if choices.count() else [None]
        )
        for value in values:
            if value is not None:
                choices.select_option(value)
            found = figure.evaluate(MARKS)
            assert found["marks"] == found["rows"], (figure.get_attribute("id"), value, found)
            assert found["shapes"] >= found["rows"]


def redraw(page: Page, figure: str, edit: str) -> None:
    """Draw a chart from edited rows; `edit` is a JavaScript function from rows to rows."""
    page.evaluate(
        f"""() => {{
          const script = document.getElementById("{figure}-data");
          script.textContent = JSON.stringify(({edit})(JSON.parse(script.textContent)));
          hub.charts.of(document.getElementById("{figure}"));
          hub.charts.update(document.getElementById("{figure}"));
        }}"""
    )


def test_time_axes_name_the_month_even_of_a_single_week(open_page: Open) -> None:
    page = open_page("change.html")
    one_week = "(rows) => rows.map((row) => ({ ...row, snapshot_date: rows[0].snapshot_date }))"
    redraw(page, "concentration-chart", one_week)
    week = page.evaluate("hub.data('concentration-chart-data')[0].snapshot_date")
    expected = page.evaluate(
        "(week) => new Date(week).toLocaleDateString('en', { month: 'short', day: 'numeric', timeZone: 'UTC' })", week
    )
    labels = page.locator("#concentration-chart svg text").all_text_contents()
    assert expected in labels
    assert [label for label in labels if label.isdigit()] == []


def test_value_axes_do_not_show_months(open_page: Open) -> None:
    page = open_page("changes.html")
    draw_all(page)
    labels = page.locator("#trends-chart svg text").all_text_contents()
    assert "models" in labels
    assert [label for label in labels if "1970" in label] == []


POINTS = """(figure) => hub.charts.of(figure).getModel().getSeries().flatMap((series) => {
  const data = series.getData();
  return data.mapArray((i) => {
    const symbol = data.getItemGraphicEl(i).childAt(0), box = symbol.getBoundingRect();
    return { fill: symbol.style.fill, at: [box.x + box.width / 2, box.y + box.height / 2] };
  });
})"""


def test_suspect_weeks_have_hollow_points_and_all_points_are_centered(open_page: Open) -> None:
    page = open_page("change.html")
    redraw(page, "concentration-chart", "(rows) => rows.map((row, i) => ({ ...row, is_suspect: i % 2 === 0 }))")
    rows = page.locator("#concentration-chart tbody tr:not(.is-unselected)").evaluate_all(
        "(all) => all.map((row) => Number(row.dataset.index) % 2 === 0)"
    )
    points = page.locator("#concentration-chart").evaluate(POINTS)
    surface = page.evaluate("hub.color('surface')")
    assert len(points) == len(rows) >= 5
    assert sum(point["fill"] == surface for point in points) == sum(rows) > 0
    assert all(abs(where) < 0.1 for point in points for where in point["at"])


def test_tables_sort_and_filter_and_the_address_keeps_it(open_page: Open) -> None:
    page = open_page("activity.html")
    column = "#tops-table tbody tr:not([hidden]) td:nth-child(5) data"
    values = "(all) => all.map((each) => Number(each.value))"
    page.locator('#tops-table th[data-column="value"] button').click()
    falling = page.locator(column).evaluate_all(values)
    assert falling == sorted(falling, reverse=True)
    page.locator('#tops-table th[data-column="value"] button').click()
    rising = page.locator(column).evaluate_all(values)
    assert rising == sorted(falling)
    page.locator("#tops-table-filter").fill("datasets")
    shown = page.locator("#tops-table tbody tr:not([hidden]) td:nth-child(2)").all_inner_texts()
    assert shown
    assert set(shown) == {"datasets"}
    address = page.url
    page.go_back()
    assert page.locator('#tops-table th[data-column="value"]').get_attribute("aria-sort") == "descending"

    again = open_page("activity.html" + address.split("activity.html")[1])
    expect(again.locator('#tops-table th[data-column="value"]')).to_have_attribute("aria-sort", "ascending")
    expect(again.locator("#tops-table-filter")).to_have_value("datasets")
    assert set(again.locator("#tops-table tbody tr:not([hidden]) td:nth-child(2)").all_inner_texts()) == {"datasets"}


def test_a_charts_choice_is_in_the_address_and_back_undoes_it(open_page: Open) -> None:
    page = open_page("activity.html")
    select = page.locator("#distributions-chart select")
    assert select.input_value() == "n_likes"
    select.select_option("n_commits")
    assert "distributions-chart.variable=n_commits" in page.url
    again = open_page("activity.html" + page.url.split("activity.html")[1])
    expect(again.locator("#distributions-chart select")).to_have_value("n_commits")
    expect(again.locator("#distributions-chart")).to_be_in_viewport()
    page.go_back()
    expect(select).to_have_value("n_likes")


def test_a_link_to_a_sentence_leads_to_it_and_its_query_opens(open_page: Open) -> None:
    page = open_page("activity.html#models-without-likes")
    expect(page.locator("#models-without-likes")).to_be_in_viewport()
    page.locator("#models-without-likes a").click()
    expect(page.locator("#claim-models-without-likes pre")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("h1")).to_have_text("RQ1: Activity")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("slug", SLUGS)
def test_axe_finds_no_serious_fault(slug: str, scheme: str, open_page: Open) -> None:
    page = open_page(f"{slug}.html", color_scheme=scheme)
    if slug in WITH_CHARTS:
        draw_all(page)
    page.evaluate("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    # rows of a table are alike, and axe takes half a minute for thousands of cells
    page.evaluate("document.querySelectorAll('tbody').forEach((b) => [...b.rows].slice(4).forEach((r) => r.remove()))")
    assert serious_faults(page) == []


@pytest.mark.parametrize("slug", ["index", "changes"])
def test_the_keyboard_reaches_everything(slug: str, open_page: Open) -> None:
    page = open_page(f"{slug}.html")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
             .filter((each) => each.checkVisibility()).map((each, i) => { each.dataset.nth = i; return i; })"""
    )
    reached = set()
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        nth = page.evaluate("document.activeElement.dataset.nth ?? null")
        if nth is not None:
            reached.add(int(nth))
    assert reached == set(wanted)


def test_the_keyboard_sorts_filters_and_skips(open_page: Open) -> None:
    page = open_page("activity.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator('#table-2 th[data-column="c1"] button').focus()
    page.keyboard.press("Enter")
    expect(page.locator('#table-2 th[data-column="c1"]')).to_have_attribute("aria-sort", "descending")


@pytest.mark.parametrize("slug", SLUGS)
def test_no_page_scrolls_sideways_even_when_the_window_shrinks(slug: str, open_page: Open) -> None:
    page = open_page(f"{slug}.html", width=1600)
    if slug in WITH_CHARTS:
        draw_all(page)
    found = {}
    for width in (1600, 1024, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        # charts are drawn again in the next frame
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found[width] = page.evaluate("document.documentElement.scrollWidth")
    assert {width: scrolled for width, scrolled in found.items() if scrolled > width} == {}
    page = open_page(f"{slug}.html", width=320)
    if slug in WITH_CHARTS:
        draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("slug", ["index", "activity"])
def test_nothing_moves_after_the_first_paint(slug: str, open_page: Open) -> None:
    page = open_page(f"{slug}.html")
    if slug in WITH_CHARTS:
        draw_all(page)
    shift = page.evaluate(
        """() => new Promise((resolve) => {
             let sum = 0;
             new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
               .observe({ type: "layout-shift", buffered: true });
             setTimeout(() => resolve(sum), 500);
           })"""
    )
    assert shift < 0.02


def test_the_theme_can_be_chosen_and_charts_follow(open_page: Open) -> None:
    page = open_page("adoption.html", color_scheme="light")
    draw_all(page)
    background = "getComputedStyle(document.body).backgroundColor"
    label = "document.querySelector('#usage-chart svg text').getAttribute('fill')"
    light = page.evaluate(background), page.evaluate(label)
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate(background), page.evaluate(label)
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_charts_keep_still_for_readers_who_ask_for_it(open_page: Open) -> None:
    moving = "hub.charts.of(document.querySelector('figure.chart')).getOption().animation"
    assert open_page("adoption.html", reduced_motion="reduce").evaluate(moving) is False
    assert open_page("adoption.html", reduced_motion="no-preference").evaluate(moving) is True


def test_print_shows_static_figures_and_opens_tables(open_page: Open, tmp_path: Path) -> None:
    page = open_page("activity.html")
    page.emulate_media(media="print")
    images = page.locator("img.printed")
    assert images.count() >= 4
    for image in images.all():
        image.scroll_into_view_if_needed()  # the images load lazily
        expect(image).to_be_visible()
        assert image.evaluate("(each) => each.decode().then(() => each.naturalWidth)") > 100
    expect(page.locator("#distributions-chart .plot")).to_be_hidden()
    expect(page.locator("nav")).to_be_hidden()
    assert page.pdf(path=tmp_path / "activity.pdf", prefer_css_page_size=True)[:4] == b"%PDF"


def test_print_draws_charts_that_were_not_in_view_and_repeats_the_heads_of_tables(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page("adoption.html")
    figures = page.locator("figure.chart:not(.has-printed)")
    assert figures.count() >= 1
    assert figures.locator(".plot svg").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for figure in figures.all():
        assert figure.locator(".plot svg path").count() > 5
        assert float(figure.locator(".plot svg").get_attribute("width") or "nan") <= 700
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page = open_page("collaboration.html")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    shown = page.locator("main").inner_text().count("quantity")
    path = tmp_path / "collaboration.pdf"
    page.pdf(path=path, prefer_css_page_size=True)
    with pypdfium2.PdfDocument(path) as document:
        printed = sum(each.get_textpage().get_text_range().count("quantity") for each in document)
    # four tables are longer than a page
    assert printed >= shown + 4 > 4


def test_hostile_text_stays_text_in_the_browser(open_page: Open, hostile_site: Path) -> None:
    for slug in SLUGS:
        page = open_page(f"{slug}.html", base=hostile_site.as_uri())
        if slug in WITH_CHARTS:
            draw_all(page)
        assert page.locator("main script:not([type='application/json']), img[src='x'], b").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    page = open_page("activity.html", base=hostile_site.as_uri())
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_attached()
