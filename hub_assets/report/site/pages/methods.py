"""The methods page: definitions from the tables' descriptions and the docstrings, choices, and versions."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from hub_assets.report.site.page import Page
from hub_assets.report.site.queries import Query
from hub_assets.report.site.week import Week

_MODULES: Final = {
    "Activity": (
        "hub_assets.statistics.concentration",
        "hub_assets.statistics.correlations",
        "hub_assets.statistics.corrections",
        "hub_assets.statistics.differences",
        "hub_assets.statistics.skewness",
        "hub_assets.statistics.power_laws",
        "hub_assets.statistics.tails",
    ),
    "Networks": (
        "hub_assets.networks.graph",
        "hub_assets.networks.cores",
        "hub_assets.networks.measures",
        "hub_assets.networks.communities",
        "hub_assets.networks.centrality",
        "hub_assets.networks.clustering",
        "hub_assets.networks.null_models",
        "hub_assets.networks.usage",
    ),
    "Identities": (
        "hub_assets.identities.bots",
        "hub_assets.identities.candidates",
        "hub_assets.identities.evidence",
        "hub_assets.identities.rules",
        "hub_assets.identities.merging",
        "hub_assets.identities.pseudonyms",
    ),
}
"""Modules whose public docstrings define the statistics. They are imported here only to read their docstrings."""

CHOICES: Final = (
    (
        "Commits and discussions by bots are counted, but bots do not count as developers",
        "The study counts only 0.10 discussion starters per model, although 16% of models have a discussion. This fits "
        "only if bots' pull requests are among the discussions.",
    ),
    (
        "The creator of a repository counts as a developer who committed",
        "The study's quartiles of committers (1, 1, 1) allow only this reading.",
    ),
    (
        "An edge runs from the first author of a commit to every other contributor to the model",
        "This is the rule in the authors' published script, and the reason why reciprocity is below 1. Networks under "
        "two other rules, all authors and prior contributors, are computed as well.",
    ),
    (
        "Co-authors from bots' pull requests and from duplicated repositories are left out",
        "The commits that name them involve no collaboration.",
    ),
    (
        "The rich-club coefficient follows its definition",
        "The published values for complete cores are 2/(n-1), whereas the definition yields 1. The report therefore "
        "states no difference.",
    ),
    (
        "Sub-fields come from the model's tags, as in the authors' script",
        "The study's text refers to the tags of Spaces.",
    ),
    (
        "A repository counts for the first license that it states",
        "The study does the same; the tables keep all licenses.",
    ),
    (
        "Unknown is not zero",
        "A count is unknown if the history could not be read. Means, shares and quantiles use only known values, and "
        "each is published with n and the share of known values.",
    ),
)
_PACKAGES: Final = (
    "hub-assets",
    "duckdb",
    "dagster",
    "huggingface_hub",
    "igraph",
    "networkx",
    "numpy",
    "scipy",
    "pyarrow",
    "rapidfuzz",
    "matplotlib",
)

IDENTITIES: Final = Query(
    "identity-summary",
    "Author strings, bots, names and developers, and the decisions that were used",
    """
select n_author_strings, n_bots, n_generic_names, n_names, n_developers, n_names_merged, decisions_hash
from mart__identity_summary
where snapshot_date = $week
""",
)


def _content(week: Week) -> Mapping[str, Any]:
    return {
        "choices": CHOICES,
        "rooms": {room: [_documented(name) for name in names] for room, names in _MODULES.items()},
        "tables": week.project.published,
        "versions": [(name, found) for name in _PACKAGES if (found := _version(name))],
        "identities": week.run(IDENTITIES),
    }


def _documented(module_name: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Return a module's name and docstring, and its public functions' names and docstrings."""
    module = import_module(module_name)
    functions = [
        (name, inspect.getdoc(function) or "")
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module_name and not name.startswith("_")
    ]
    return module_name, inspect.getdoc(module) or "", functions


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


PAGE: Final = Page(
    slug="methods",
    title="Methods",
    lead="Every definition, choice and version behind the numbers, taken from the code that computes them.",
    group="Reference",
    content=_content,
)
