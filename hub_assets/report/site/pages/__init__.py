"""The pages of the site, in the order of the navigation. Each is a module here and a template named by its slug."""

from typing import Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.pages import (
    activity,
    adoption,
    base_models,
    changes,
    cite,
    collaboration,
    data,
    datasheet,
    dataverse,
    heatmap,
    methods,
    modelverse,
    overview,
    queries,
    search,
)

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    activity.PAGE,
    collaboration.PAGE,
    adoption.PAGE,
    changes.PAGE,
    modelverse.PAGE,
    dataverse.PAGE,
    heatmap.PAGE,
    base_models.PAGE,
    search.PAGE,
    methods.PAGE,
    data.PAGE,
    datasheet.PAGE,
    queries.PAGE,
    cite.PAGE,
)
