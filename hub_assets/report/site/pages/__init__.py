"""The pages of the site, in the order of the navigation. Each is a module here and a template named by its slug."""

from typing import Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.pages import base_models, dataverse, heatmap, modelverse, overview, queries

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    modelverse.PAGE,
    dataverse.PAGE,
    heatmap.PAGE,
    base_models.PAGE,
    queries.PAGE,
)
