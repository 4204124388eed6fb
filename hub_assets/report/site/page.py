"""The definition of a page. The pages themselves are in `pages`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hub_assets.report.site.week import Week


@dataclass(frozen=True)
class Page:
    """A page of the site.

    Attributes:
        slug: file name without `.html`; `index` is the entry page.
        title: the heading, and the page's name in the navigation.
        lead: one sentence under the heading, which is also the description in search results.
        group: the section of the navigation that lists the page.
        content: returns the template's variables. The template is `SLUG.html`, extends `base.html` and also receives
            the variables `week`, `page`, `navigation`, `notices` and `site`.
        scripts: files in `static` that the page needs besides `site.js`, in loading order. ECharts is loaded along
            with `charts.js`.
        uses: histories that the page depends on, such as `commits` or `model commits`. If one of them is incomplete for
            the week shown, the page says so at the top.
    """

    slug: str
    title: str
    lead: str
    group: Literal["Report", "Explore", "Reference"]
    content: Callable[[Week], Mapping[str, Any]]
    scripts: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.slug}.html"

    @property
    def all_scripts(self) -> tuple[str, ...]:
        """Scripts to load, with ECharts first if the page needs it."""
        return ("vendor/echarts.min.js", *self.scripts) if "charts.js" in self.scripts else self.scripts
