"""The conditions that narrow a search, and which documents meet them.

Asking the index of words for the same conditions belongs to `lexical`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Filters:
    """What the results must have; None for no condition. Unknown values meet no condition.

    Args:
        task, library, license_group, namespace: the value of a document's column of that name.
        language: a code among a document's `languages`.
        min_params, max_params: limits of `n_parameters`, inclusive.
        min_likes, min_downloads: the least `likes` and `downloads`.
        has_card: whether the repository has a card.
    """

    task: str | None = None
    library: str | None = None
    license_group: str | None = None
    language: str | None = None
    namespace: str | None = None
    min_params: int | None = None
    max_params: int | None = None
    min_likes: int | None = None
    min_downloads: int | None = None
    has_card: bool | None = None
