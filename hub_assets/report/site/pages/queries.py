"""The page that lists all queries behind the site's numbers; it is written after all other pages."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.week import Week


def _content(week: Week) -> Mapping[str, Any]:
    return {"queries": [(query, week.sql_of(query)) for query in week.queries.values()]}


PAGE: Final = Page(
    slug="queries",
    title="Queries",
    lead="The SQL behind every number. Run it with DuckDB on warehouse.duckdb to get the same rows.",
    group="Reference",
    content=_content,
)
