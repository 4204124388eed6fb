"""The datasheet of the week's data set, in the form of Gebru et al., "Datasheets for Datasets" (2021)."""

from collections.abc import Mapping
from typing import Any, Final

from hub_assets.report.site.notices import COVERAGE
from hub_assets.report.site.page import Page
from hub_assets.report.site.pages.methods import IDENTITIES
from hub_assets.report.site.pages.overview import COLLECTED
from hub_assets.report.site.week import Week


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "collected": week.run(COLLECTED),
        "coverage": week.run(COVERAGE),
        "identities": week.run(IDENTITIES).first,
    }


PAGE: Final = Page(
    slug="datasheet",
    title="Datasheet",
    lead="What the week's data set is, how it was made, and what it should and should not be used for.",
    group="Reference",
    content=_content,
    uses=("commits", "discussions"),
)
