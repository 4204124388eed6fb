"""Every number on every page comes from the warehouse, and every published value from the study."""

import csv
import re
from datetime import date, datetime
from importlib.resources import files
from math import isclose, isnan
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub_assets.home import Home
from hub_assets.report.site.pages import PAGES
from hub_assets.report.site.rendering import formatted
from hub_assets_tests.report.site.made import Parsed, rows_of

SHOWN_FROM_TABLES = (
    *("index", "activity", "collaboration", "adoption", "changes", "change", "claims", "datasheet", "methods"),
)


@pytest.fixture(scope="module")
def results(pages: dict[str, Parsed], two_week_home: Home) -> dict[str, list[dict[str, Any]]]:
    """The rows that each query on the queries page returns, run as a reader would run it."""
    return {name: rows_of(two_week_home.warehouse, sql) for name, sql in pages["queries"].code.items()}


@pytest.mark.parametrize("slug", SHOWN_FROM_TABLES)
def test_each_number_is_what_its_query_returns(
    slug: str, pages: dict[str, Parsed], results: dict[str, list[dict[str, Any]]]
) -> None:
    compared = 0
    for number in pages[slug].numbers:
        given = number.attributes
        value = results[given["data-query"]][int(given["data-row"])][given["data-column"]]
        assert same(given["value"], value), given
        plain = float(value) if type(value).__name__ == "Decimal" else value
        assert number.text == formatted(plain, given["data-style"]), given
        compared += 1
    assert compared >= 5


def same(shown: str, value: Any) -> bool:
    if isinstance(value, bool):
        return shown == str(value)
    if isinstance(value, date | datetime):
        return shown == value.isoformat()
    if isinstance(value, str):
        return shown == value
    return isclose(float(shown), float(value), rel_tol=1e-12) or (isnan(float(shown)) and isnan(float(value)))


CONSTANTS = re.compile(
    r"Spaces that use \S+|"
    r"October 2023|value of 2023|as in 2023|Tables? \d( to \d)?|Figures? \d( in numbers)?|RQ\d|Section [\d.]+|k = \d+|"
    r"\b(80|90|95|99|1|25|75)%|30[ -]days?|1,000( or more)?|fewer than 10|10-core|top [\d,]+|2/\(n-1\)|below 1\b|"
    r"0\.10 disc|16% of models|\(1, 1, 1\)|quartiles|100 most|The 25|the 1,000|hub_assets \d\S*|Apache 2\.0|"
    r"CC BY 4\.0|2021|2024|SHA-256|counts 0|is 0\b|was 0\b|\(0 |gives 1\b|below 0\.001|"
    r"^\d+ rows$|100 models|Week of .*"
)


@pytest.mark.slow
@pytest.mark.parametrize("slug", [slug for slug in SHOWN_FROM_TABLES if slug != "methods"])
def test_no_digit_outside_a_number_comes_from_data(slug: str, pages: dict[str, Parsed]) -> None:
    seed = (files("dbt_like_sql") / "seeds" / "published_values.csv").read_text(encoding="utf-8")
    words = {row["source_text"] for row in csv.DictReader(seed.splitlines())}
    claims = (files("hub_assets.report.site") / "claims.yml").read_text(encoding="utf-8")
    for text in pages[slug].prose:
        text = re.sub(r"\s+", " ", text).strip()
        if any(text.startswith(word) for word in words) or text in claims:
            continue
        assert not re.search(r"\d", CONSTANTS.sub("", text)), (slug, text)


def test_each_published_value_is_the_studys(pages: dict[str, Parsed]) -> None:
    seed = (files("dbt_like_sql") / "seeds" / "published_values.csv").read_text(encoding="utf-8")
    published = {row["place"]: float(row["published"]) for row in csv.DictReader(seed.splitlines())}
    shown: dict[str, set[float]] = {}
    for page in pages.values():
        for place, value in page.places:
            shown.setdefault(place, set()).add(float(value))
    assert {place: {value} for place, value in published.items()} == shown


def test_each_number_has_a_way_to_its_query(pages: dict[str, Parsed]) -> None:
    for slug in SHOWN_FROM_TABLES:
        linked = {
            attributes["href"].split("#")[1]
            for tag, attributes in pages[slug].elements
            if tag == "a" and attributes.get("href", "").startswith("queries.html#")
        }
        assert {number.attributes["data-query"] for number in pages[slug].numbers} <= linked, slug


def test_ids_are_unique_and_links_within_the_site_lead_somewhere(pages: dict[str, Parsed], site: Path) -> None:
    ids = {}
    for slug, page in pages.items():
        own = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(own) == len(set(own)), (slug, {name for name in own if own.count(name) > 1})
        ids[slug] = set(own)
    for slug, page in pages.items():
        for tag, attributes in page.elements:
            href = attributes.get("href" if tag in ("a", "link") else "src", "")
            if tag not in ("a", "link", "script", "img") or not href or href.startswith("data:"):
                continue
            file, _, anchor = href.partition("#")
            assert not file or (site / file).is_file(), (slug, href)
            if anchor:
                assert anchor in ids[Path(file).stem if file else slug], (slug, href)


def test_the_site_has_a_page_for_each_entry_and_one_heading_each(pages: dict[str, Parsed]) -> None:
    assert set(pages) == {page.slug for page in PAGES}
    for slug, page in pages.items():
        assert sum(tag == "h1" for tag, _ in page.elements) == 1, slug


def test_small_groups_of_developers_are_not_shown(pages: dict[str, Parsed], two_week_home: Home) -> None:
    # the golden week is small enough to have cores that must be left out
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        ((small,),) = connection.execute(
            "select count(*) from network__collaboration_cores where nodes < 10 and not is_max_k "
            "and edge_rule = 'first_author' and not includes_bots and k in (1, 5, 10)"
        ).fetchall()
    assert small
    assert "fewer than 10" in pages["collaboration"].everything


def test_no_developer_is_named(site: Path, two_week_home: Home) -> None:
    with duckdb.connect(two_week_home.warehouse, read_only=True) as connection:
        authors = [name for (name,) in connection.execute("select distinct author from core__developers").fetchall()]
        pseudonyms = [
            name
            for (name,) in connection.execute("select distinct developer from network__developer_centrality").fetchall()
        ]
        shown = connection.execute(
            "select distinct namespace from mart__repo_activity union select repo_id from mart__repo_activity"
        ).fetchall()
    works = {word for (name,) in shown if name for word in re.split(r"\W+", name)}
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in site.rglob("*") if path.suffix in (".html", ".csv", ".json")
    )
    for name in pseudonyms:
        assert name not in text
    # an author whose name is also a namespace may appear as the owner of a repository
    full_names = [name for name in authors if " " in name and not set(re.split(r"\W+", name)) <= works]
    assert full_names
    for name in full_names:
        assert name not in text
