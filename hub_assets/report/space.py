"""Publishes a site as a static Space, with all files in one commit.

Visitors never see a mix of two weeks, because a single commit updates the branch atomically. To resume an interrupted
upload, run the upload again. Building the site belongs in `report.site`.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError

from hub_assets.errors import UserError
from hub_assets.releases.commit import ATTEMPTS, CONFLICTS, Target, hub_errors
from hub_assets.releases.tables import ReleaseError

_MARK: Final = "data/claims.json"
"""A file that every site contains; its presence identifies a Space with a report."""
_INITIAL: Final = frozenset({".gitattributes", "README.md", "index.html", "style.css"})
"""The files that the Hub creates in a new static Space."""
_KEPT: Final = ".gitattributes"


@dataclass(frozen=True)
class PublishedSpace:
    """A published site: the commit, and the number of files in the site."""

    commit: str
    n_files: int


def files_of(site: Path) -> dict[str, Path]:
    """Return a site's files, keyed by their path in the Space."""
    return {str(path.relative_to(site)): path for path in sorted(site.rglob("*")) if path.is_file()}


def publish_space(target: Target, site: Path, tell: Callable[[str], None]) -> PublishedSpace:
    """Make a static Space contain exactly the files of a site, creating the Space if it does not exist.

    Args:
        target: the Space.
        site: the folder of a week's site.
        tell: receives progress messages.

    Raises:
        UserError: if the name or token is wrong, or the Space contains something other than a report.
        ReleaseError: if the Hub refuses or cannot be reached, or others commit during every attempt.
    """
    with hub_errors(target, "Space", "site"), warnings.catch_warnings():
        # the warning does not apply: the Parquet files are part of the site
        warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")
        return _publish(target, site, tell)


def _publish(target: Target, site: Path, tell: Callable[[str], None]) -> PublishedSpace:
    api, files = target.api, files_of(site)
    api.create_repo(target.repo_id, repo_type="space", space_sdk="static", exist_ok=True)
    for _ in range(ATTEMPTS):
        head = str(api.repo_info(target.repo_id, repo_type="space").sha)
        present = set(api.list_repo_files(target.repo_id, repo_type="space", revision=head))
        if _MARK not in present and not present <= _INITIAL:
            raise UserError(
                f"The Space {target.repo_id} contains something other than a report of hub-assets, and publishing "
                "would delete it; choose another name."
            )
        tell(f"Uploading {len(files)} files to the Space {target.repo_id}")
        surplus = present - files.keys() - {_KEPT}
        try:
            commit = api.create_commit(
                target.repo_id,
                [
                    *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()),
                    *(CommitOperationDelete(path_in_repo=name) for name in sorted(surplus)),
                ],
                commit_message=f"Publish the report of the week of {site.name}",
                repo_type="space",
                parent_commit=head,
            ).oid
        except HfHubHTTPError as error:
            if error.response.status_code not in CONFLICTS:
                raise
            tell("Someone else committed to the Space; retrying on top of that commit")
            continue
        return PublishedSpace(str(commit), len(files))
    raise ReleaseError(f"{target.repo_id} changed during each of {ATTEMPTS} attempts; run the command again.")
