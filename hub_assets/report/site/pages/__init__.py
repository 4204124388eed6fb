"""The pages of the site, in navigation order. Each consists of a module here and a template named after its slug."""

from typing import Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.pages import (
    activity,
    adoption,
    base_models,
    change,
    changes,
    cite,
    claims,
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
    change.PAGE,
    claims.PAGE,
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
