"""The entry page: what was collected, how far it can be trusted, and the main findings."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.week import Week


def _content(week: Week) -> Mapping[str, Any]:
    return {}


PAGE: Final = Page(
    slug="index",
    title="Overview",
    lead="What this week's snapshot holds, how far it can be trusted, and its main findings.",
    group="Report",
    content=_content,
)
