"""One page of a listing: from request parameters to rows and the parameters of the next page.

The cursor has the Hub's format: the MongoDB filter for the rows after the page's last row, in base64. The server keeps
no state between requests, so each page shows repositories as they are at the time of its request.
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
from hub_assets.local_hub.fields import SORTS, BadParameter, listing_fields
from hub_assets.local_hub.population import Population, Repos, key_number, key_value
from hub_assets.vocabulary import RepoType

PAGE_CAP = 1_000
"""The Hub's page size; larger limits are silently reduced."""

Params = list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """A page of `rows`. `positions` are their row numbers in the population; `following` are those of all later rows.

    `next_params` are the parameters of the next page, or None on the last page.
    """

    rows: list[dict[str, Any]]
    sort: str
    positions: Indices
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
        population: the population being served.
        repo_type: repository type of the listing.
        params: the request's parameters in order; unknown ones are ignored.
        page_cap: maximum number of rows on a page.
        refused: `expand` names to reject although the Hub accepts them.

    Raises:
        BadParameter: if the cursor, limit, sort or an `expand` name is rejected.
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
    positions, following = rest[:limit], rest[limit:]
    next_params = None
    if len(following):
        next_params = [pair for pair in params if pair[0] != "cursor"]
        if "sort" not in given:
            next_params.append(("sort", sort))
        next_params.append(("cursor", _cursor(repos, sort, int(positions[-1]))))
    return Page(population.rows(repo_type, repos, positions, fields), sort, positions, following, next_params)


def expand_names(params: Params) -> list[str]:
    """Return the requested `expand` names, from both spellings of the parameter."""
    return [value for name, value in params if name in ("expand", "expand[]")]


def whole_number(name: str, text: str, minimum: int) -> int:
    """Parse a numeric parameter, e.g. a page number.

    Raises:
        BadParameter: if it is not a whole number or is below the minimum.
    """
    if not text.isdecimal() or len(text) > 18 or int(text) < minimum:
        raise BadParameter(f'"{name}" must be a number greater than or equal to {minimum}')
    return int(text)


def _modes(given: dict[str, str]) -> frozenset[str]:
    modes = {name for name in ("full", "config", "cardData", "linked") if given.get(name) == "true"}
    return frozenset(modes | {"linked" for name in ("models", "datasets") if name in given})


def _mask(repo_type: RepoType, repos: Repos, params: Params) -> npt.NDArray[np.bool_] | None:
    """Return a mask of the rows that pass all filters of a request, or None if it has no filters."""
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
        # recorded for downloads; a guess for likes and trendingScore, which are never missing on the Hub
        if sort == "downloads" or np.isnan(repos.keys(sort)).any():
            clauses.append({sort: None})
    return base64.b64encode(json.dumps({"$or": clauses}, separators=(",", ":")).encode()).decode()


def _read_cursor(sort: str, cursor: str) -> tuple[float, str]:
    """Return the sort key and `_id` that a page starts after."""
    try:
        first = json.loads(base64.b64decode(cursor, validate=True))["$or"][0]
        key, after = key_number(sort, first[sort]), first["_id"]["$gt"]
        if not isinstance(after, str):
            raise TypeError(after)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise BadParameter("Invalid cursor") from error
    return key, after
