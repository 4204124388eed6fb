"""One page of a listing: from a request's parameters to rows and the parameters of the next page.

The cursor is the one the Hub hands out: base64 of the MongoDB filter that selects what comes after the last row. It
holds no state, so a page shows the repositories as they are when it is asked for.
"""

import base64
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.columns import Indices
from hub_assets.local_hub.fields import SORTS, BadParameter, RepoType, listing_fields
from hub_assets.local_hub.population import Population, Repos, key_number, key_value

PAGE_CAP = 1_000
"""The Hub's page size; more is silently not given."""

Params = list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """A page of `rows`; `places` are their rows in the population and `following` those that come after.

    `next_params` ask for the next page, None after the last one.
    """

    rows: list[dict[str, Any]]
    sort: str
    places: Indices
    following: Indices
    next_params: Params | None


def list_page(
    population: Population,
    repo_type: RepoType,
    params: Params,
    page_cap: int = PAGE_CAP,
    refused: frozenset[str] = frozenset(),
) -> Page:
    """Answer a request for a listing.

    Args:
        population: what is served.
        repo_type: whose listing.
        params: the request's parameters, in their order; those that are not known are ignored.
        page_cap: rows on a page at most.
        refused: `expand` names that are not taken, though the Hub takes them.

    Raises:
        BadParameter: if the cursor, limit, sort or an `expand` name is not taken.
    """
    given = dict(params)
    repos = population.repos[repo_type]
    fields = listing_fields(repo_type, expand_names(params), _modes(given), refused)
    sort = given.get("sort", "trendingScore")
    if sort not in SORTS[repo_type]:
        raise BadParameter(f'"sort" must be one of [{", ".join(SORTS[repo_type])}]')
    limit = min(whole_number("limit", given["limit"], 1) if "limit" in given else page_cap, page_cap)
    after = _read_cursor(sort, given["cursor"]) if "cursor" in given else None
    rest = repos.ordered(sort, after, _mask(repo_type, repos, params))
    places, following = rest[:limit], rest[limit:]
    next_params = None
    if len(following):
        next_params = [pair for pair in params if pair[0] != "cursor"]
        if "sort" not in given:
            next_params.append(("sort", sort))
        next_params.append(("cursor", _cursor(repos, sort, int(places[-1]))))
    return Page(population.rows(repo_type, repos, places, fields), sort, places, following, next_params)


def expand_names(params: Params) -> list[str]:
    """Return what `expand` names, in either of its spellings."""
    return [value for name, value in params if name in ("expand", "expand[]")]


def whole_number(name: str, text: str, least: int) -> int:
    """Read a parameter that is a number, e.g. of a page.

    Raises:
        BadParameter: if it is none, or less than `least`.
    """
    if not text.isdecimal() or len(text) > 18 or int(text) < least:
        raise BadParameter(f'"{name}" must be a number greater than or equal to {least}')
    return int(text)


def _modes(given: dict[str, str]) -> frozenset[str]:
    modes = {name for name in ("full", "config", "cardData", "linked") if given.get(name) == "true"}
    return frozenset(modes | {"linked" for name in ("models", "datasets") if name in given})


def _mask(repo_type: RepoType, repos: Repos, params: Params) -> npt.NDArray[np.bool_] | None:
    """Return which rows pass all of a request's filters, None where there are none."""
    masks: list[npt.NDArray[np.bool_]] = []
    for name, value in params:
        if name == "filter":
            masks.append(repos.has_item("tags", value))
        elif name in ("author", "pipeline_tag"):
            masks.append(repos.where(name, partial(pc.equal, value)))
        elif name == "search":
            masks.append(repos.where("id", partial(pc.match_substring, pattern=value, ignore_case=True)))
        elif name == "gated" and repo_type != "space":
            masks.append(repos.where("gated", partial(pc.not_equal if value == "true" else pc.equal, "false")))
        elif name in ("models", "datasets") and repo_type == "space":
            masks.append(repos.has_item(name, value))
        elif name == "linked" and value == "true" and repo_type == "space":
            masks.append(np.logical_or(*(repos.where(side, _is_not_empty) for side in ("models", "datasets"))))
    return np.logical_and.reduce(masks) if masks else None


def _is_not_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.greater(pc.list_value_length(column), 0)


def _cursor(repos: Repos, sort: str, row: int) -> str:
    key = key_value(sort, repos.keys(sort)[row])
    after = {"$gt": repos.table["_id"][row].as_py()}
    clauses: list[dict[str, Any]] = [{sort: key, "_id": after}]
    if key is not None:
        clauses.append({sort: {"$lt": key}})
        # recorded for downloads and not for likes or trendingScore, which no repository of the Hub lacks
        if sort == "downloads" or np.isnan(repos.keys(sort)).any():
            clauses.append({sort: None})
    return base64.b64encode(json.dumps({"$or": clauses}, separators=(",", ":")).encode()).decode()


def _read_cursor(sort: str, cursor: str) -> tuple[float, str]:
    """Return the key and the `_id` that a page comes after."""
    try:
        first = json.loads(base64.b64decode(cursor, validate=True))["$or"][0]
        key, after = key_number(sort, first[sort]), first["_id"]["$gt"]
        if not isinstance(after, str):
            raise TypeError(after)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise BadParameter("Invalid cursor") from error
    return key, after
