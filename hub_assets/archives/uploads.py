"""Finds an archive's uploads through huggingface_hub: their times, paths, sizes and numbers of rows.

An upload never changes, so each upload is looked up only once and recorded in a file. Reading rows and choosing uploads
do not belong here.
"""

import logging
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import http_backoff
from pydantic import TypeAdapter

from hub_assets.archives.catalog import Archive, Upload
from hub_assets.archives.choosing import WINDOW
from hub_assets.errors import HubAssetsError
from hub_assets.lake.parts import write_beside
from hub_assets.vocabulary import REPO_TYPES, RepoType

logger = logging.getLogger(__name__)

WORKERS: Final = 4
"""Number of concurrent requests; the session paces them."""
TAIL: Final = 256 * 1024
"""Number of bytes read first from the end of a Parquet file; the footer of a listing is some 100 KB."""
KEPT_EVERY: Final = 50
"""Number of lookups after which the known uploads are saved."""
_UPLOADS: Final = TypeAdapter(dict[str, list[Upload]])


class ArchiveUnreachable(HubAssetsError):
    """An archive cannot be read; everything found so far is kept."""


class Uploads:
    """The uploads to one archive that are known so far.

    Args:
        api: huggingface_hub's client of the Hub that holds the archive.
        archive: the archive.
        file: where to store the known uploads.
        report: receives progress messages.

    `calls` counts the requests made.
    """

    def __init__(
        self, api: HfApi, archive: Archive, file: Path, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self.api = api
        self.archive = archive
        self.calls = 0
        self._file = file
        self._report = report
        self._known = _UPLOADS.validate_json(file.read_bytes()) if file.exists() else {}

    def find(self, first: date, last: date) -> list[Upload]:
        """Return the uploads of all weeks from `first` to `last`, plus their neighbors before and after.

        `choosing` compares uploads with their neighbors.

        Raises:
            ArchiveUnreachable: if the Hub does not answer, or does not have the archive.
        """
        with self.reaching():
            if self.archive.layout == "folders":
                return self._of_folders(first, last)
            return self._of_revisions(first, last)

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn errors from huggingface_hub into one-sentence errors.

        Raises:
            ArchiveUnreachable: if the Hub does not answer, or does not have the archive.
        """
        where = f"the archive {self.archive.name} ({self.archive.repo_id} at {self.api.endpoint})"
        try:
            yield
        except OfflineModeIsEnabled:
            raise ArchiveUnreachable(f"{where} cannot be read in offline mode; unset HF_HUB_OFFLINE") from None
        except (HfHubHTTPError, httpx2.HTTPError) as error:
            # without a valid token, the Hub answers 401 for a repository that does not exist
            response = getattr(error, "response", None)
            if isinstance(error, RepositoryNotFoundError) or (response is not None and response.status_code == 401):
                raise ArchiveUnreachable(
                    f"{where} does not exist or is not public; it may have been moved or taken down"
                ) from None
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ArchiveUnreachable(f"{where} cannot be read ({reason}); run the command again to resume") from error

    def _of_revisions(self, first: date, last: date) -> list[Upload]:
        commits = self.api.list_repo_commits(self.archive.repo_id, repo_type="dataset")
        self.calls += -(-len(commits) // 50)
        newest: dict[date, str] = {}
        for commit in sorted(commits, key=lambda commit: commit.created_at):
            newest[commit.created_at.astimezone(UTC).date()] = commit.commit_id
        wanted = _around(sorted(newest), first, last)
        return self._look_up({newest[day]: day for day in wanted}, self._of_revision)

    def _of_revision(self, revision: str, day: date) -> list[Upload]:
        paths = [f"{repo_type}s.parquet" for repo_type in REPO_TYPES]
        self.calls += 1
        listed = self.api.get_paths_info(
            self.archive.repo_id, paths, expand=True, revision=revision, repo_type="dataset"
        )
        uploads = []
        for file in listed:
            if not isinstance(file, RepoFile) or file.last_commit is None:
                continue
            at = file.last_commit.date.astimezone(UTC)
            kind = self.archive.type_of(file.path)
            # a revision also contains files that no commit on this day changed
            if kind is not None and at.date() == day:
                uploads.append(self._upload(kind[0], day, at, revision, file))
        return uploads

    def _of_folders(self, first: date, last: date) -> list[Upload]:
        info = self.api.dataset_info(self.archive.repo_id)
        revision = str(info.sha)
        files: dict[date, list[tuple[RepoType, RepoFile]]] = {}
        for repo_type in REPO_TYPES:
            tree = self.api.list_repo_tree(
                self.archive.repo_id, f"{repo_type}s", recursive=True, revision=revision, repo_type="dataset"
            )
            self.calls += 1
            for file in tree:
                kind = self.archive.type_of(file.path)
                if isinstance(file, RepoFile) and kind is not None and kind[1] is not None:
                    files.setdefault(kind[1], []).append((repo_type, file))

        def of_label(_: str, day: date) -> list[Upload]:
            # the content is from the end of the week; the footer gives the exact time
            end = datetime.combine(day + timedelta(days=7), time(), UTC) - timedelta(seconds=1)
            made = [self._upload(kind, day, end, revision, file) for kind, file in files[day]]
            return [replace(one, at=min(one.newest_at, end)) if one.newest_at else one for one in made]

        # the content is up to seven days newer than its label
        wanted = _around(sorted(files), first - timedelta(days=7), last)
        return self._look_up({self._label_key(files[day]): day for day in wanted}, of_label)

    @staticmethod
    def _label_key(files: Iterable[tuple[RepoType, RepoFile]]) -> str:
        """Return a key for the files of a label (the date in their paths); different contents give different keys."""
        return " ".join(f"{file.path}@{file.lfs.sha256 if file.lfs else file.blob_id}" for _, file in files)

    def _upload(self, repo_type: RepoType, day: date, at: datetime, revision: str, file: RepoFile) -> Upload:
        digest = file.lfs.sha256 if file.lfs else None
        rows, newest_at = self._footer(revision, file.path, file.size)
        return Upload(repo_type, day, at, revision, file.path, file.size, digest, rows, newest_at)

    def _footer(self, revision: str, path: str, size: int) -> tuple[int, datetime | None]:
        """Return a file's number of rows and newest creation time; 0 and None if it is not Parquet."""
        tail = self._tail(revision, path, min(TAIL, size))
        if tail[-4:] == b"PAR1" and len(tail) >= 8:
            (length,) = struct.unpack("<I", tail[-8:-4])
            if length + 8 > len(tail) and length + 8 <= size:
                tail = self._tail(revision, path, length + 8)
        try:
            footer = pq.read_metadata(pa.BufferReader(tail))
        except (pa.ArrowInvalid, OSError):
            logger.warning("%s at %s is not a Parquet file; it is left out.", path, revision)
            return 0, None
        return footer.num_rows, _newest(footer)

    def _tail(self, revision: str, path: str, length: int) -> bytes:
        self.calls += 1
        url = hf_hub_url(self.archive.repo_id, path, repo_type="dataset", revision=revision, endpoint=self.api.endpoint)
        headers = {"Range": f"bytes=-{length}", **self.api._build_hf_headers()}
        response = http_backoff("GET", url, headers=headers, follow_redirects=True)
        response.raise_for_status()
        return bytes(response.content)[-length:]

    def _look_up(self, wanted: dict[str, date], look: Callable[[str, date], list[Upload]]) -> list[Upload]:
        new = [(key, day) for key, day in wanted.items() if key not in self._known]
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                for number, ((key, _), found) in enumerate(
                    zip(new, pool.map(lambda one: look(*one), new), strict=True), start=1
                ):
                    self._known[key] = found
                    if number % KEPT_EVERY == 0:
                        self._keep()
                        self._report(f"{number} of {len(new)} uploads to {self.archive.name} looked up")
            finally:
                pool.shutdown(cancel_futures=True)
                if new:
                    self._keep()
        return [upload for key in wanted for upload in self._known[key]]

    def _keep(self) -> None:
        content = _UPLOADS.dump_json(self._known, indent=1)
        write_beside(self._file, lambda beside: beside.write_bytes(content))


def _around(days: list[date], first: date, last: date) -> list[date]:
    """Return the days from the week of `first` through the week of `last`, plus up to `WINDOW` days on each side."""
    start = first - timedelta(days=first.weekday())
    end = last - timedelta(days=last.weekday()) + timedelta(days=6)
    inside = [position for position, day in enumerate(days) if start <= day <= end]
    if not inside:
        return []
    return days[max(inside[0] - WINDOW, 0) : inside[-1] + 1 + WINDOW]


def _newest(footer: Any) -> datetime | None:
    """Return the newest `createdAt` from the statistics in a Parquet footer, or None if they are incomplete."""
    names = [footer.schema.column(position).path for position in range(footer.num_columns)]
    if "createdAt" not in names:
        return None
    position = names.index("createdAt")
    newest = []
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            return None
        newest.append(_moment(statistics.max))
    known = [moment for moment in newest if moment is not None]
    return max(known) if known and len(known) == len(newest) else None


def _moment(value: Any) -> datetime | None:
    """Convert a statistic (a timestamp with or without a zone, or text) to a time in UTC; None for other values."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
