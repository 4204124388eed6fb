"""Imports one week's listing from an archive into the lake.

A listing is downloaded whole, converted in batches, and then deleted, so that only one listing at a time is on disk,
and only one batch in memory. An interrupted download is resumed; an interrupted conversion starts over. The week's
manifest names the source. `choosing` decides which upload to import.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from huggingface_hub import hf_hub_download

from hub_assets.archives.catalog import Archive, Upload
from hub_assets.archives.choosing import Choice
from hub_assets.archives.conversion import columns_of, pages_of
from hub_assets.archives.uploads import ArchiveUnreachable, Uploads
from hub_assets.lake.parts import Lake, Manifest, Part

Convert = Callable[[pa.Table, list[str]], tuple[pa.Table, dict[str, Any]]]
"""Converts listing pages (`body`, `observed_at`) to rows and counts, given the files with earlier rows."""


class Damaged(ArchiveUnreachable):
    """A downloaded file is not the one that the archive lists."""


CHOICE_SCHEMA: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("archive", pa.string(), nullable=False),
        pa.field("repo_id", pa.string(), nullable=False),
        pa.field("license", pa.string(), nullable=False),
        pa.field("revision", pa.string()),
        pa.field("path", pa.string()),
        pa.field("taken_at", pa.timestamp("us")),
        pa.field("n_bytes", pa.int64()),
        pa.field("n_rows", pa.int64()),
        pa.field("digest", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
    ]
)
"""One row per week and type: the upload that represents it, or why there is none."""


def choice_rows(archive: Archive, choices: Sequence[Choice]) -> pa.Table:
    """Return choices as rows of `CHOICE_SCHEMA`."""
    rows = []
    for choice in choices:
        upload = choice.upload
        rows.append(
            {
                "snapshot_date": choice.week,
                "repo_type": choice.repo_type,
                "archive": archive.name,
                "repo_id": archive.repo_id,
                "license": archive.license,
                "revision": upload and upload.revision,
                "path": upload and upload.path,
                "taken_at": upload and upload.at.replace(tzinfo=None),
                "n_bytes": upload and upload.size,
                "n_rows": upload and upload.rows,
                "digest": upload and upload.digest,
                "status": choice.status,
                "reason": choice.why,
            }
        )
    return pa.Table.from_pylist(rows, CHOICE_SCHEMA)


def import_listing(
    uploads: Uploads,
    lake: Lake,
    table: str,
    choice: Choice,
    downloads: Path,
    fields: Mapping[str, pa.DataType],
    json_fields: frozenset[str],
    convert: Convert,
    report: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Import the upload that represents a week, replacing any earlier import; skip it if it is already imported.

    Args:
        uploads: the archive.
        lake: where to write.
        table: the raw table.
        choice: the week and its upload; without an upload, the week is recorded as complete and empty.
        downloads: folder for downloaded files until they are converted.
        fields: the raw table's columns that an archive may have, with their types.
        json_fields: the columns in `fields` that hold JSON text.
        convert: converts pages to rows.
        report: receives progress messages.

    Returns:
        The manifest. Its `details` hold `source` (archive, repository, license, revision, path, digest, times), the
        `status` of the choice and `why`, and the file's `absent` and `ignored` columns.

    Raises:
        ArchiveUnreachable: if the download fails; the next import resumes it.
        Unreadable: if the file is not a listing.
    """
    week, upload = choice.week, choice.upload
    source = _source(uploads.archive, upload)
    before = lake.manifest(table, week)
    if is_imported(uploads.archive, lake, table, choice):
        return before
    parts: list[Part] = []
    details: dict[str, Any] = {
        "source": source | {"imported_at": datetime.now(UTC).isoformat(timespec="seconds")},
        "status": choice.status,
        "why": choice.why,
    }
    if upload is not None:
        report(f"downloading {upload.path} at {upload.revision[:12]} ({(upload.size or 0) / 1e6:,.0f} MB)")
        file = _download(uploads, upload, downloads)
        columns = columns_of(file, list(fields))
        details |= {"absent": list(columns.absent), "ignored": list(columns.ignored)}
        observed_at = upload.at.replace(tzinfo=None)
        for bodies in pages_of(file, fields, json_fields):
            pages = pa.table({"body": bodies, "observed_at": pa.array([observed_at] * len(bodies), pa.timestamp("us"))})
            rows, counts = convert(pages, [str(path) for path in lake.verified(table, week, parts)])
            name = f"part-{before.generation + 1:03d}-{len(parts):05d}.parquet"
            parts.append(lake.write_part(table, week, name, rows, counts))
        report(f"{sum(part.rows for part in parts):,} rows of {table} imported for {week}")
    manifest = Manifest(complete=True, parts=parts, details=details, generation=before.generation + 1)
    lake.set_manifest(table, week, manifest)
    valid = {part.file for part in parts}
    for path in lake.folder(table, week).glob("part-*"):
        if path.name not in valid:
            path.unlink()
    shutil.rmtree(downloads, ignore_errors=True)
    return manifest


def write_choices(lake: Lake, table: str, week: date, rows: pa.Table) -> Manifest:
    """Write a week's choices to the lake."""
    before = lake.manifest(table, week)
    name = f"part-{before.generation + 1:03d}-00000.parquet"
    manifest = Manifest(
        complete=True, parts=[lake.write_part(table, week, name, rows)], generation=before.generation + 1
    )
    lake.set_manifest(table, week, manifest)
    for path in lake.folder(table, week).glob("part-*"):
        if path.name != name:
            path.unlink()
    return manifest


def is_imported(archive: Archive, lake: Lake, table: str, choice: Choice) -> bool:
    """Return whether a week's raw table holds the upload that was chosen for it."""
    manifest = lake.manifest(table, choice.week)
    source, imported = _source(archive, choice.upload), manifest.details.get("source", {})
    return manifest.complete and source == {name: imported.get(name) for name in source}


def _source(archive: Archive, upload: Upload | None) -> dict[str, Any]:
    return {
        "archive": archive.name,
        "repo_id": archive.repo_id,
        "license": archive.license,
        "revision": upload and upload.revision,
        "path": upload and upload.path,
        "digest": upload and upload.digest,
        "bytes": upload and upload.size,
        "taken_at": upload and upload.at.isoformat(),
    }


def _download(uploads: Uploads, upload: Upload, folder: Path) -> Path:
    with uploads.reaching():
        file = Path(
            hf_hub_download(
                uploads.archive.repo_id,
                upload.path,
                repo_type="dataset",
                revision=upload.revision,
                endpoint=uploads.api.endpoint,
                token=uploads.api.token,
                local_dir=folder,
            )
        )
    if upload.digest is not None:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != upload.digest:
            file.unlink()
            raise Damaged(f"{upload.path} at {upload.revision} arrived damaged; run the command again to download it")
    return file
