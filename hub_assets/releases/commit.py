"""Publishes a release on the Hub: one commit with everything for the week, then a tag.

Readers see either the whole week or none of it, because a single commit updates the branch atomically. To resume an
interrupted release, run it again: no file is uploaded twice, and if only the tag is missing, it is added.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

from hub_assets.errors import UserError
from hub_assets.lake.parts import write_beside
from hub_assets.releases.documents import DOCUMENTS, WEEKS, weeks_of, write_documents
from hub_assets.releases.folder import Week
from hub_assets.releases.tables import ReleaseError

PUBLISHED: Final = "published.json"
"""The file that lists the published releases, next to the releases' folders."""
ATTEMPTS: Final = 5
"""Maximum number of attempts when others commit to the repository at the same time."""
CONFLICTS: Final = frozenset({409, 412})
"""HTTP statuses with which the Hub rejects a commit whose parent is no longer the newest commit."""


@dataclass(frozen=True)
class Target:
    """The repository on a Hub to publish to. If `token` is None, the token that huggingface_hub finds is used."""

    endpoint: str
    repo_id: str
    token: str | None = None

    @property
    def api(self) -> HfApi:
        """A client for the Hub."""
        return HfApi(endpoint=self.endpoint, token=self.token)


@dataclass(frozen=True)
class Published:
    """A published release: the commit, the tag, and whether the tag is new."""

    commit: str
    tag: str
    is_new: bool


def tag_of(week: Week) -> str:
    """Return the tag of a week."""
    return f"week-{week.week}"


def publish_release(
    target: Target, folder: Path, week: Week, titles: Mapping[str, str], tell: Callable[[str], None]
) -> Published:
    """Commit and tag a week's release, creating the data set if it does not exist.

    Args:
        target: the data set.
        folder: the release's folder; its description files are rewritten to cover all weeks of the data set.
        week: the week.
        titles: a description of each table, by table.
        tell: receives progress messages.

    Raises:
        UserError: if the name or token is wrong, or the week was released before with different content.
        ReleaseError: if the Hub refuses or cannot be reached.
    """
    with hub_errors(target, "data set", "release"):
        return _publish(target, folder, week, titles, tell)


def record_published(releases: Path, target: Target, tag: str) -> None:
    """Record a release before it is published, so that an erasure can list it even if publishing is interrupted.

    If the list of published releases cannot be read, it is replaced.
    """
    release = f"{target.endpoint}/datasets/{target.repo_id}, tag {tag}"
    known = json.dumps(sorted({*published_releases(releases), release}), indent=1, ensure_ascii=False)
    write_beside(releases / PUBLISHED, lambda path: path.write_text(known + "\n", encoding="utf-8"))


def published_releases(releases: Path) -> list[str]:
    """Return, for messages, the address and tag of each release that was published from a folder of releases."""
    try:
        return [str(release) for release in json.loads((releases / PUBLISHED).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


@contextmanager
def hub_errors(target: Target, noun: str, what: str) -> Iterator[None]:
    """Convert errors that huggingface_hub raises while writing to a repository into our own.

    Args:
        target: the repository.
        noun: what it is, such as `data set`.
        what: what is published in the repository, such as `release`.

    Raises:
        UserError: if the name or token is wrong.
        ReleaseError: if the Hub refuses or cannot be reached.
    """
    try:
        yield
    except HFValidationError as error:
        raise UserError(f"{target.repo_id} cannot be a {noun}'s name: {error}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UserError(
                f"The Hub does not let this token write to {target.repo_id} ({status}); set HF_TOKEN to a token with "
                "write access, or choose a namespace you can write to."
            ) from error
        raise ReleaseError(f"The Hub refused the {what} ({status}: {error.server_message}); run it again.") from error
    except (OSError, RuntimeError) as error:
        raise ReleaseError(f"The {what} was interrupted ({error}); run it again to finish it.") from error


def _publish(
    target: Target, folder: Path, week: Week, titles: Mapping[str, str], tell: Callable[[str], None]
) -> Published:
    api, tag = target.api, tag_of(week)
    api.create_repo(target.repo_id, repo_type="dataset", exist_ok=True)
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(target.repo_id, repo_type="dataset").tags}
    record_published(folder.parent, target, tag)
    for _ in range(ATTEMPTS):
        head = str(api.repo_info(target.repo_id, repo_type="dataset").sha)
        released = {known.week: known for known in released_weeks(target, tags.get(tag, head))}
        before = released.get(week.week)
        if before is not None and before.digest != week.digest and tag in tags:
            raise UserError(
                f"The week of {week.week} was released before with different content, and releases are never edited. "
                f"To replace it, delete the tag {tag} of {target.repo_id} first."
            )
        if before is not None and before.digest == week.digest:
            commit = tags.get(tag, head)
            if tag not in tags:
                api.create_tag(target.repo_id, tag=tag, revision=commit, repo_type="dataset", exist_ok=True)
            return Published(commit, tag, is_new=tag not in tags)
        released[week.week] = week
        write_documents(folder, released.values(), target.repo_id, titles)
        tell(f"Uploading {len(week.files)} files of the week of {week.week} to {target.repo_id}")
        try:
            commit = api.create_commit(
                target.repo_id,
                _operations(folder, week, max(released)),
                commit_message=f"Add the week of {week.week}",
                repo_type="dataset",
                parent_commit=head,
            ).oid
        except HfHubHTTPError as error:
            if error.response.status_code not in CONFLICTS:
                raise
            tell("Someone else committed to the data set; retrying on top of that commit")
            continue
        api.create_tag(target.repo_id, tag=tag, revision=commit, repo_type="dataset", exist_ok=True)
        return Published(commit, tag, is_new=True)
    raise ReleaseError(f"{target.repo_id} changed during each of {ATTEMPTS} attempts; run the release again.")


def _operations(folder: Path, week: Week, newest: str) -> list[CommitOperationAdd]:
    """Return the files to add in a commit. Files outside the week's folders are included only for the newest week."""
    files = [path for path in week.files if f"/week={week.week}/" in path or week.week == newest]
    return [CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in [*files, *DOCUMENTS]]


def released_weeks(target: Target, revision: str = "main") -> list[Week]:
    """Return the weeks that a data set contains at a revision; empty if the data set or its `weeks.json` is missing.

    Raises:
        UserError: if the data set's `weeks.json` was not written by hub-assets.
    """
    try:
        path = hf_hub_download(
            target.repo_id,
            WEEKS,
            repo_type="dataset",
            revision=revision,
            endpoint=target.endpoint,
            token=target.token,
        )
    except (EntryNotFoundError, RepositoryNotFoundError):
        return []
    try:
        return weeks_of(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{WEEKS} of {target.repo_id} was not written by hub-assets ({error}); release to another data set."
        ) from error
