"""The fields of a response, by repository type, mode and `expand` names.

This module only deals with names; values come from `population`.
"""

from collections.abc import Sequence
from typing import Final

from hub_assets.vocabulary import RepoType

EXPAND: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": (
        *("author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads"),
        *("downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified"),
        *("library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup"),
        *("safetensors", "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage"),
        "widgetData",
    ),
    "dataset": (
        *("author", "cardData", "citation", "createdAt", "description", "disabled", "downloads", "downloadsAllTime"),
        *("gated", "lastModified", "likes", "mainSize", "paperswithcode_id", "private", "resourceGroup", "sha"),
        *("siblings", "tags", "trendingScore", "usedStorage"),
    ),
    "space": (
        *("author", "cardData", "createdAt", "datasets", "disabled", "lastModified", "likes", "models", "private"),
        *("region", "resourceGroup", "runtime", "sdk", "sha", "siblings", "subdomain", "tags", "trendingScore"),
        "usedStorage",
    ),
}
"""The `expand` names that are accepted in requests for a single repository."""

_NOT_LISTED: Final[dict[RepoType, frozenset[str]]] = {
    "model": frozenset({"baseModels", "childrenModelCount", "usedStorage"}),
    "dataset": frozenset(),
    "space": frozenset(),
}

_DEFAULT: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": (
        *("likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag", "library_name", "createdAt"),
        "modelId",
    ),
    "dataset": (
        *("author", "disabled", "gated", "lastModified", "likes", "trendingScore", "private", "sha", "description"),
        *("downloads", "tags", "createdAt", "key"),
    ),
    "space": ("likes", "trendingScore", "private", "tags", "sdk", "createdAt"),
}
_FULL: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": ("author", "gated", "lastModified", "sha", "siblings"),
    "dataset": ("cardData", "siblings"),
    "space": (
        *("author", "sha", "lastModified", "cardData", "runtime", "siblings", "subdomain", "models", "datasets"),
    ),
}
_INFO: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": ("cardData", "config", "disabled", "safetensors", "spaces", "transformersInfo", "widgetData"),
    "dataset": ("citation", "paperswithcode_id", "usedStorage"),
    "space": ("disabled", "region"),
}
_NOT_IN_INFO: Final[dict[RepoType, frozenset[str]]] = {
    "model": frozenset({"trendingScore"}),
    "dataset": frozenset(),
    "space": frozenset(),
}

SORTS: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": ("createdAt", "downloads", "lastModified", "likes", "trendingScore"),
    "dataset": ("createdAt", "downloads", "lastModified", "likes", "trendingScore"),
    "space": ("createdAt", "lastModified", "likes", "trendingScore"),
}
"""Sort keys for listings; Spaces have no downloads."""


class BadParameter(ValueError):
    """A request parameter was rejected; the message goes into the Hub's response."""


def listing_fields(
    repo_type: RepoType, expand: Sequence[str], modes: frozenset[str], refused: frozenset[str] = frozenset()
) -> list[str]:
    """Return the fields of listing rows, besides `_id` and `id`.

    Args:
        repo_type: repository type of the listing.
        expand: requested `expand` names; if given, `modes` are ignored.
        modes: requested modes among `full`, `config`, `cardData` and `linked`.
        refused: `expand` names to reject although the Hub accepts them.

    Raises:
        BadParameter: if the listing does not accept a name.
    """
    if expand:
        return _checked(expand, EXPAND[repo_type], _NOT_LISTED[repo_type] | refused)
    fields = list(_DEFAULT[repo_type])
    if "full" in modes:
        fields += _FULL[repo_type]
    if "linked" in modes:
        fields += ("models", "datasets")
    fields += [name for name in ("config", "cardData") if name in modes]
    return list(dict.fromkeys(fields))


def info_fields(repo_type: RepoType, expand: Sequence[str], refused: frozenset[str] = frozenset()) -> list[str]:
    """Return the fields of a single repository, besides `_id` and `id`; arguments as for `listing_fields`.

    Raises:
        BadParameter: if a name is not accepted.
    """
    if expand:
        return _checked(expand, EXPAND[repo_type], refused)
    fields = (*_DEFAULT[repo_type], *_FULL[repo_type], *_INFO[repo_type])
    return [name for name in dict.fromkeys(fields) if name not in _NOT_IN_INFO[repo_type]]


def _checked(expand: Sequence[str], known: Sequence[str], refused: frozenset[str]) -> list[str]:
    allowed = [name for name in known if name not in refused]
    if not set(expand) <= set(allowed):
        raise BadParameter(f'"expand" must be one of [{", ".join(allowed)}]')
    return list(dict.fromkeys(expand))
