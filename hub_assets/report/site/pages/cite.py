"""How to cite the week, the software and the study."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.week import Week


def _content(week: Week) -> Mapping[str, Any]:
    return {"key": f"hub_assets_{week.snapshot_date:%Y_%m_%d}", "year": f"{week.snapshot_date:%Y}"}


PAGE: Final = Page(
    slug="cite",
    title="How to cite",
    lead="References for this week's data, for the software, and for the study whose definitions it uses.",
    group="Reference",
    content=_content,
)
