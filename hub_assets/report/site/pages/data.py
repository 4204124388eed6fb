"""The aggregate tables as files, and the schema of every published table."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.week import Week


def _content(week: Week) -> Mapping[str, Any]:
    return {"tables": week.project.published}


PAGE: Final = Page(
    slug="data",
    title="Data",
    lead="The week's aggregate tables as CSV and Parquet, and the columns of every published table.",
    group="Reference",
    content=_content,
)
