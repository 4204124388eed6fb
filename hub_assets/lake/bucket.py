"""An S3 bucket: reads, uploads, and conditional writes, which fail if someone else has changed the object meanwhile.

This module turns a store's failures into one-sentence errors. What the objects hold does not belong here.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, S3Store

from hub_assets.errors import HubAssetsError, UserError

if TYPE_CHECKING:
    from obstore import UpdateVersion

RETRIES: Final = 10
"""Maximum number of retries. Spaced at random, they take about 20 s in total: long enough to outlast a hiccup of the
store, and a tolerable wait after a typo in the address."""
REQUEST_SECONDS: Final = 60
"""Time limit for a request. Files larger than 5 MiB are uploaded in chunks of that size, one per request."""
CHUNK_BYTES: Final = 2**20


class BucketError(UserError):
    """The bucket cannot be used as configured; the message says why and what to do."""


class BucketUnreachable(HubAssetsError):
    """The store does not answer, or fails repeatedly."""


class Outdated(HubAssetsError):
    """Another writer has replaced the object since it was read."""


def s3_bucket(address: str) -> "Bucket":
    """Return the bucket and prefix at `s3://bucket/prefix`.

    AWS's usual environment variables set the credentials, region and endpoint.

    Raises:
        BucketError: if the address or the variables are wrong.
    """
    url = urlsplit(address)
    if url.scheme != "s3" or not url.netloc or url.query or url.fragment:
        raise BucketError(f"HUB_ASSETS_LAKE is {address!r}; set it to s3://bucket/prefix, or unset it")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    try:
        store = S3Store.from_url(
            address,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": "10s",
                "timeout": f"{REQUEST_SECONDS}s",
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=3 * REQUEST_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(seconds=0.2),
                    "max_backoff": timedelta(seconds=15),
                    "base": 3,
                },
            },
        )
    except (BaseError, ValueError) as error:
        raise _explained(address, error) from None
    return Bucket(address, store)


@dataclass(frozen=True)
class Entry:
    """An object in a listing: its version tag, and when it was written (UTC, by the store's clock)."""

    tag: str
    written_at: datetime


class Bucket:
    """The objects under an address, in a store that obstore has opened.

    All methods raise:
        BucketError: if the address, the credentials or the bucket are wrong.
        BucketUnreachable: if the store fails repeatedly.
    """

    def __init__(self, address: str, store: ObjectStore) -> None:
        self.address = address
        self._store = store

    def list(self, prefix: str = "") -> dict[str, Entry]:
        """Return the objects under a folder, by key."""
        with self._reaching():
            return {
                found["path"]: Entry(found["e_tag"] or "", found["last_modified"])
                for some in obstore.list(self._store, prefix, chunk_size=1000)
                for found in some
            }

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's content and version tag; None if there is no such object."""
        with self._reaching():
            try:
                answer = obstore.get(self._store, key)
                return bytes(answer.bytes()), answer.meta["e_tag"] or ""
            except FileNotFoundError:
                return None

    def replace(self, key: str, content: bytes, tag: str | None) -> None:
        """Write an object only if it still has this version tag or, if `tag` is None, does not exist yet.

        Raises:
            Outdated: if the condition does not hold; nothing is written.
        """
        try:
            self._put(key, content, tag)
        except HubAssetsError:
            # an attempt whose response was lost may have succeeded, in which case the retry is refused
            found = self.read(key)
            if found is None or found[0] != content:
                raise

    def upload(self, file: Path, key: str) -> None:
        """Upload a file as an object, replacing any older version."""
        with self._reaching():
            obstore.put(self._store, key, file)

    def download(self, key: str, file: Path) -> None:
        """Write an object to a file.

        Raises:
            FileNotFoundError: if there is no such object.
        """
        with self._reaching():
            answer = obstore.get(self._store, key)
            with file.open("wb") as target:
                for chunk in answer.stream(CHUNK_BYTES):
                    target.write(chunk)

    def remove(self, keys: Iterable[str]) -> None:
        """Delete objects; missing ones are not an error."""
        if found := [*keys]:
            with self._reaching():
                obstore.delete(self._store, found)

    def require_conditions(self, key: str) -> None:
        """Check, with an existing object, that the store refuses writes whose condition does not hold.

        Raises:
            BucketError: if the store accepts such a write, because two writers could then overwrite each other's weeks.
        """
        content, _ = self.read(key) or (b"", "")
        for tag in (None, '"0123456789abcdef0123456789abcdef"'):
            try:
                self._put(key, content, tag)
            except Outdated:
                continue
            raise BucketError(
                f"the store behind {self.address} ignores conditions on writes (If-Match, If-None-Match), so two "
                "writers could overwrite each other's weeks; use a store that supports them, such as Amazon S3"
            )

    def _put(self, key: str, content: bytes, tag: str | None) -> None:
        with self._reaching():
            condition: UpdateVersion = {"e_tag": tag}
            obstore.put(self._store, key, content, mode="create" if tag is None else condition, use_multipart=False)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            raise _explained(self.address, error) from None
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise _explained(self.address, error) from None
            raise


def _explained(address: str, error: Exception) -> HubAssetsError:
    text, kind = str(error).partition("\n\nDebug source")[0], type(error).__name__
    # 409: two conditional writes to the same object at the same moment
    if kind in ("AlreadyExistsError", "PreconditionError") or "ConditionalRequestConflict" in text:
        return Outdated(f"another writer has changed {address} in the meantime; try again")
    if "NoSuchBucket" in text:
        return BucketError(f"there is no bucket behind {address}; create it, or correct HUB_ASSETS_LAKE")
    if "169.254.169.254" in text or re.search(r"Missing ?(AccessKeyId|SecretAccessKey)", text):
        return BucketError(f"there are no credentials for {address}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if kind in ("PermissionDeniedError", "UnauthenticatedError") or "403 Forbidden" in text:
        return BucketError(
            f"{address} refuses these credentials; allow them to list, read, write and delete there, or set others in "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if re.search("301 Moved|PermanentRedirect|without LOCATION", text):
        return BucketError(f"{address} is in another region; set AWS_REGION to the bucket's region")
    reason = " ".join(text.partition("<?xml")[0].split())
    if re.search("501 Not Implemented|NotImplemented", text):
        return BucketError(
            f"the store behind {address} does not support a request ({reason}), probably a conditional write "
            "(If-Match, If-None-Match); use a store that supports them, such as Amazon S3"
        )
    return BucketUnreachable(
        f"{address} cannot be reached ({reason}); check the network and AWS_ENDPOINT_URL, then try again"
    )
