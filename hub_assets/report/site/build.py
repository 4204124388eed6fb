"""Writes a site (all pages, their scripts and data) to a folder that replaces the old one once it is complete."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import duckdb

from hub_assets.errors import UserError
from hub_assets.report.site.claims import catalog, claims, sentence_of
from hub_assets.report.site.colors import stylesheet_tokens
from hub_assets.report.site.comparison import in_words, style_of
from hub_assets.report.site.notices import coverage_notices
from hub_assets.report.site.package import write_package
from hub_assets.report.site.page import Page
from hub_assets.report.site.pages import PAGES
from hub_assets.report.site.rendering import as_json, data_script, environment
from hub_assets.report.site.week import Week
from hub_assets.warehouse.database import connect
from hub_assets.warehouse.publication import require_intact
from hub_assets.warehouse.sql_project import Project

STATIC: Final = Path(__file__).parent / "static"
VENDOR: Final = STATIC / "vendor"


class NoSite(UserError):
    """The requested week is not published, or no week is; the message says what to do or which weeks exist."""


@dataclass(frozen=True)
class Built:
    """A finished site: its entry page and its size."""

    index: Path
    n_pages: int
    n_queries: int
    n_bytes: int


def build_site(
    warehouse: Path,
    folder: Path,
    snapshot_date: date | None,
    project: Project,
    *,
    source: str | None = None,
    figures: Path | None = None,
    pages: Sequence[Page] = PAGES,
) -> Built:
    """Write the site for a published week to `folder/WEEK`, and return its entry page and size.

    Args:
        warehouse: the published database.
        folder: receives a folder per week.
        snapshot_date: the week; None for the newest.
        project: the tables' descriptions.
        source: the Hub that the data comes from, as `home.json` names it.
        figures: the folder with the week's figures as SVG and PNG, or the folder that contains such a folder per week.
        pages: the pages, in the order of the navigation.

    Raises:
        NoSite: if the week was not published.
        WarehouseError: if the warehouse cannot be read, or a file of an older week is damaged.
    """
    with opened_week(warehouse, snapshot_date, project, source=source, figures=figures) as week:
        target = folder / str(week.snapshot_date)
        beside = folder / f".{week.snapshot_date}.beside"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        try:
            _write_all(week, beside, pages)
            _replace(target, beside)
            _point_to_newest(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
        return Built(target / "index.html", len(pages), len(week.queries), sum(sizes))


@contextmanager
def opened_week(
    warehouse: Path,
    snapshot_date: date | None,
    project: Project,
    *,
    source: str | None = None,
    figures: Path | None = None,
) -> Iterator[Week]:
    """Open the warehouse for a week's pages; see `build_site`."""
    if not warehouse.exists():
        raise NoSite(f"{warehouse} does not exist; run hub-assets snapshot first, or choose a home with --home")
    require_intact(warehouse)
    with connect(warehouse, read_only=True) as connection:
        weeks = _weeks(connection)
        chosen = snapshot_date or max(weeks, default=None)
        if chosen is None or chosen not in weeks:
            known = f"it has {', '.join(map(str, weeks))}" if weeks else "it has no week yet"
            asked = f"The week of {chosen}" if chosen else "The newest week"
            raise NoSite(f"{asked} is not published in {warehouse}; {known}.")
        if figures is not None and (figures / str(chosen)).is_dir():
            figures = figures / str(chosen)
        yield Week(chosen, connection, project, source, figures)


def _weeks(connection: duckdb.DuckDBPyConnection) -> list[date]:
    try:
        weeks = connection.execute("select distinct snapshot_date from mart__repo_activity order by snapshot_date")
    except duckdb.CatalogException:
        return []
    return [day for (day,) in weeks.fetchall()]


def _write_all(week: Week, folder: Path, pages: Sequence[Page]) -> None:
    templates = environment()
    templates.filters |= {"style": style_of, "words": in_words}
    rendered: dict[str, str] = {}
    navigation: dict[str, list[Page]] = {}
    for page in pages:
        navigation.setdefault(page.group, []).append(page)
    common: dict[str, Any] = {"week": week, "navigation": navigation, "site": site_facts(week)}
    common["package"] = write_package(week, folder)
    # every page adds its queries, so the page that lists them is written last
    for page in sorted(pages, key=lambda page: page.slug == "queries"):
        content: Mapping[str, Any] = page.content(week)
        notices = coverage_notices(week, page.uses)
        template = templates.get_template(f"{page.slug}.html")
        rendered[page.file] = template.render(**common, page=page, notices=notices, **content)
    for name, html in rendered.items():
        (folder / name).write_text(html, encoding="utf-8")
    for name in ("CITATION.cff", "README.md"):  # the README's front matter makes the folder a static Space
        text = templates.get_template(name).render(**common)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    told = catalog([sentence_of(week, claim) for claim in claims()])
    (folder / "data" / "claims.json").write_text(as_json(told), encoding="utf-8")
    for name, value in week.data_files.items():
        path = folder / "data" / f"{name}.js"
        path.write_text(data_script(name, value), encoding="utf-8")
    for name in sorted(week.printed):
        (folder / "figures").mkdir(exist_ok=True)
        shutil.copyfile(Path(str(week.figures)) / name, folder / "figures" / name)
    _copy_static(folder / "static", {script for page in pages for script in page.all_scripts})


def site_facts(week: Week) -> dict[str, Any]:
    """Return the facts about the site that all templates receive."""
    return {
        "version": version("hub-assets"),
        "source": week.source,
        "is_simulated": week.is_simulated,
        "is_recorded": bool(week.source and week.source.startswith("local hub, ") and not week.is_simulated),
    }


def _copy_static(folder: Path, scripts: set[str]) -> None:
    verify_vendored()
    shutil.copytree(STATIC, folder, ignore=shutil.ignore_patterns("*.js", "vendored.json", "__pycache__"))
    for script in sorted({"site.js", "served.js", *scripts}):
        (folder / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(STATIC / script, folder / script)
    style = folder / "site.css"
    style.write_text(stylesheet_tokens() + style.read_text(encoding="utf-8"), encoding="utf-8")


def verify_vendored() -> None:
    """Check that the vendored files match their pinned hashes.

    Raises:
        UserError: if a vendored file was changed.
    """
    pinned = json.loads((VENDOR / "vendored.json").read_text(encoding="utf-8"))
    for name, facts in pinned.items():
        found = hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()
        if found != facts["sha256"]:
            raise UserError(f"{VENDOR / name} is not {facts['package']} {facts['version']}; install hub-assets again")


def _replace(target: Path, beside: Path) -> None:
    """Move a complete folder into place. One folder cannot replace another atomically, so the site is missing for a
    moment between two renames. The old folder is deleted; figures are kept elsewhere.
    """
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _point_to_newest(folder: Path) -> None:
    """Make the link `newest` point to the newest week's site, for links that name no week."""
    weeks = sorted(path.name for path in folder.iterdir() if re.fullmatch(r"\d{4}-\d\d-\d\d", path.name))
    link = folder / ".newest.beside"
    link.unlink(missing_ok=True)
    link.symlink_to(weeks[-1], target_is_directory=True)
    newest = folder / "newest"
    if newest.is_dir() and not newest.is_symlink():  # copying a home may have turned the link into a folder
        shutil.rmtree(newest)
    link.replace(newest)
