"""A lake on object storage: a bucket holds the weeks, and the lake's folder caches them.

Opening the lake fetches the manifests that have changed, so a run sees the weeks as they were when it opened the lake,
plus its own changes. A part is fetched when it is first read, and verified with the digest in its manifest. Writing a
manifest uploads its new parts, then replaces the manifest in the bucket unless another machine has replaced it, and
finally replaces the copy in the folder. Journals stay in the folder. If a writer is killed before it replaces the
manifest, the parts it uploaded stay in the bucket unlisted; later writes to that week remove them once they are a day
old.

A part's key in the bucket contains the start of its digest, so that two writers never overwrite each other's parts.
"""

import fcntl
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock

from hub_assets.errors import HubAssetsError
from hub_assets.lake.binding import BOUND_TO, LakeBinding
from hub_assets.lake.bucket import Bucket, Outdated
from hub_assets.lake.parts import MANIFEST, Lake, LakeError, Manifest, Part, manifest_text, read_manifest, write_beside

DIFFERENCES: Final = {
    "source": "they hold data from different Hubs; choose another bucket, or another home with --home",
    "format": "another version of hub_assets wrote the bucket; use the same version on all machines",
    "secret": "its secret differs, so people would get different pseudonyms; copy `secret` from the first home",
}
"""The facts that homes sharing a bucket must agree on, and the error message for each."""
PROBE: Final = ".lake"
"""An empty object that a home uses to check, once, whether the store honors conditional writes."""
CONNECTIONS: Final = 16
KEPT: Final = timedelta(days=1)
"""Age at which an unlisted part can no longer belong to a writer that is about to replace the manifest."""
KEY: Final = re.compile(r"\w+/snapshot_date=\d{4}-\d{2}-\d{2}/" + re.escape(MANIFEST))


class LakeOutdated(HubAssetsError):
    """Another machine has changed the week being written."""


class RemoteLake(Lake):
    """A folder that caches a bucket; see `lake_at`.

    Raises:
        LakeBinding: if the home differs from the others that share the bucket; or if the folder is used with the
            bucket for the first time, and both have the same week with different contents.
    """

    def __init__(
        self, root: Path, bucket: Bucket, binding: Path, scrub: Callable[[bytes], bytes] = lambda body: body
    ) -> None:
        super().__init__(root, scrub)
        self.bucket = bucket
        self._read: dict[Path, bytes] = {}
        self._lock = FileLock(root / f"{BOUND_TO}.lock")
        root.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._open(binding)

    def manifest(self, table: str, snapshot_date: date) -> Manifest:
        """Return the manifest of a table's week; see `Lake`."""
        path = self.folder(table, snapshot_date) / MANIFEST
        self._read[path] = _content(path)
        return super().manifest(table, snapshot_date)

    def pull(self, table: str, snapshot_date: date) -> None:
        """Fetch a week's manifest if it has changed in the bucket."""
        path = self.folder(table, snapshot_date) / MANIFEST
        with self._lock:
            found = self.bucket.read(self._key(path))
            if found is not None and found[0] != _content(path):
                _take(path, found[0])

    def set_manifest(self, table: str, snapshot_date: date, manifest: Manifest) -> None:
        """Upload the new parts of a week, and then replace its manifest in the bucket and in the folder.

        Raises:
            LakeOutdated: if another machine has replaced the manifest since it was read.
        """
        path = self.folder(table, snapshot_date) / MANIFEST
        before = self._read.get(path, b"")
        text = manifest_text(manifest).encode()
        try:
            found = self.bucket.read(self._key(path))
            if (found[0] if found else b"") != before:
                raise Outdated
            old = set(self._keys(path.parent, super().manifest(table, snapshot_date)))
            self._upload(path.parent, manifest, old)
            with self._lock:
                self.bucket.replace(self._key(path), text, found[1] if found else None)
                super().set_manifest(table, snapshot_date, manifest)
        except Outdated:
            raise LakeOutdated(
                f"another machine has changed {table} for {snapshot_date} in {self.bucket.address}; run this again to "
                "continue from there"
            ) from None
        self._read[path] = text
        self._sweep(path.parent, manifest, old)

    def verified(self, table: str, snapshot_date: date, parts: Iterable[Part]) -> list[Path]:
        """Return the files of a week's parts, after fetching those that are missing or damaged in the folder."""
        parts, folder = list(parts), self.folder(table, snapshot_date)
        for part in parts:
            try:
                super().verified(table, snapshot_date, [part])
            except LakeError:
                self._fetch(folder, part)
        try:
            return super().verified(table, snapshot_date, parts)
        except LakeError as error:
            week = self._key(folder)
            raise LakeError(
                f"a part of {week} is damaged in {self.bucket.address} ({error}). Restore the object from a backup, or "
                f"delete {week} there and in the lake of every machine, and collect the week again"
            ) from None

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _keys(self, folder: Path, manifest: Manifest) -> Iterator[str]:
        return (self._part_key(folder, part) for part in (*manifest.parts, *(manifest.landing or ())))

    def _part_key(self, folder: Path, part: Part) -> str:
        file = folder / part.file
        # parts from older versions have no digest
        return self._key(file.with_suffix(f".{part.digest[:16]}{file.suffix}") if part.digest else file)

    def _open(self, binding: Path) -> None:
        """Fetch the changed manifests, and upload the weeks that the bucket lacks."""
        bound = self.root / BOUND_TO
        is_new = not bound.exists()
        remote = {key: entry for key, entry in self.bucket.list().items() if KEY.fullmatch(key)}
        local = {self._key(path): _content(path) for path in self.root.glob(f"*/snapshot_date=*/{MANIFEST}")}
        changed = [key for key, entry in remote.items() if entry.tag.strip('"') != _tag(local.get(key, b""))]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            contents = dict(zip(changed, pool.map(self.bucket.read, changed), strict=True))
        news = {key: found[0] for key, found in contents.items() if found is not None and found[0] != local.get(key)}
        if is_new and (clash := sorted(news.keys() & local.keys())):
            raise LakeBinding(
                f"{self.root} and {self.bucket.address} both have {clash[0].removesuffix('/' + MANIFEST)}, with "
                "different contents; move the folder away to use the bucket's version, or choose another bucket"
            )
        if is_new:
            self.bucket.replace(PROBE, b"", None)
            self.bucket.require_conditions(PROBE)
        self._agree(binding)
        for key in local.keys() - remote.keys():
            path = self.root / key
            self._upload(path.parent, read_manifest(path), set())
            self.bucket.replace(key, local[key], None)
        # before anything is fetched: a later opening would take fetched weeks for the folder's own
        if is_new:
            write_beside(bound, lambda beside: beside.write_text(self.bucket.address, encoding="utf-8"))
        for key, content in news.items():
            if not _is_landing((self.root / key).parent):
                _take(self.root / key, content)

    def _agree(self, path: Path) -> None:
        """Merge this home's binding with the bucket's copy, and update both."""
        found = self.bucket.read(path.name)
        theirs = json.loads(found[0]) if found else {}
        ours = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if different := [
            name for name in DIFFERENCES if name in theirs and ours.get(name, theirs[name]) != theirs[name]
        ]:
            raise LakeBinding(f"{path.parent} cannot share {self.bucket.address}: {DIFFERENCES[different[0]]}")
        both = theirs | ours
        if both != theirs:
            self.bucket.replace(path.name, json.dumps(both).encode(), found[1] if found else None)
        if both != ours:
            write_beside(path, lambda beside: beside.write_text(json.dumps(both), encoding="utf-8"))

    def _upload(self, folder: Path, manifest: Manifest, known: set[str]) -> None:
        for part in (*manifest.parts, *(manifest.landing or ())):
            key = self._part_key(folder, part)
            if key in known:
                continue
            if not (folder / part.file).exists():
                raise LakeError(
                    f"{folder / part.file} is missing, and {self.bucket.address} does not have it either; restore "
                    "the file from a backup, or delete its folder and collect the week again"
                )
            self.bucket.upload(folder / part.file, key)
            known = known | {key}

    def _fetch(self, folder: Path, part: Part) -> None:
        key = self._part_key(folder, part)
        try:
            with self._lock:
                write_beside(folder / part.file, lambda beside: self.bucket.download(key, beside))
        except FileNotFoundError:
            raise LakeError(
                f"{key} is not in {self.bucket.address}: another machine has since replaced the week, or somebody "
                "deleted it; run this again, and collect the week again if that does not help"
            ) from None

    def _sweep(self, folder: Path, manifest: Manifest, old: set[str]) -> None:
        """Remove the parts that a manifest no longer lists, and other unlisted parts that are more than a day old."""
        named = set(self._keys(folder, manifest))
        found = self.bucket.list(self._key(folder))
        now = datetime.now(UTC)
        self.bucket.remove(
            key
            for key, entry in found.items()
            if key.endswith(".parquet") and key not in named and (key in old or now - entry.written_at > KEPT)
        )


def _is_landing(folder: Path) -> bool:
    """Return whether a process on this machine has a landing open in a folder, and therefore owns the manifest.

    A landing that starts right after this check waits in `pull` until the lake is open.
    """
    lock = folder / ".lock"
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _take(path: Path, content: bytes) -> None:
    """Replace a manifest in the folder, and delete the parts that the new manifest does not list."""
    write_beside(path, lambda beside: beside.write_bytes(content))
    manifest = read_manifest(path)
    named = {part.file for part in (*manifest.parts, *(manifest.landing or ()))}
    for part in path.parent.glob("part-*"):
        if part.name not in named:
            part.unlink()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _tag(content: bytes) -> str:
    """Return the version tag that most stores give to this content.

    With a store that computes tags differently, opening a lake fetches all its manifests.
    """
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
