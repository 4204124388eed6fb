"""Search: find repositories by what they can do; needs a server. Modeled on the Spaces for semantic search."""

from typing import Final

from hub_assets.report.site.page import Page

PAGE: Final = Page(
    slug="search",
    title="Search",
    lead="Find models, datasets and Spaces by what they can do, or by their similarity to one that you know.",
    group="Explore",
    content=lambda _: {},
    scripts=("explore.js", "search.js"),
)
