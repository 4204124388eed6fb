"""Keyed pseudonyms, which replace developers' names outside the raw layer and the identity tables. Only the home that
has the key can compute them.

Exports of people's activity identify people only by their pseudonyms.
"""

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.errors import HubAssetsError

KEY_BYTES: Final = 32
LENGTH: Final = 16
"""Hexadecimal digits of a pseudonym: 64 bits."""


class SecretError(HubAssetsError):
    """The secret is unusable; the message gives the reason."""


def secret_key(path: Path) -> bytes:
    """Return the key from a file that only its owner can read; the first call creates it.

    Raises:
        SecretError: if the file contains no key, other users can read it, or it cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        if not path.exists():
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(handle, secrets.token_hex(KEY_BYTES).encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
            # linking is atomic: if two processes start at once, both use the key of the first
            try:
                os.link(beside, path)
            except FileExistsError:
                pass
            finally:
                beside.unlink()
        if path.stat().st_mode & 0o077:
            raise SecretError(f"other users can read {path}; run chmod 600 {path}")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SecretError(f"{path} cannot be used as a secret ({error}); restore it from a backup") from error
    if len(key) < KEY_BYTES:
        raise SecretError(f"{path} contains no key of {KEY_BYTES} bytes; restore it from a backup")
    return key


def fingerprint(key: bytes) -> str:
    """Return a fingerprint that distinguishes keys without revealing them: 64 bits of an HMAC of a fixed text."""
    return hmac.digest(key, b"fingerprint of the key", "sha256").hex()[:LENGTH]


def pseudonyms(key: bytes, developer_ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return each developer's pseudonym, the first 64 bits of the HMAC-SHA-256 of the id; null for a null id.

    A key yields the same pseudonyms every week; without it, they cannot be traced back to developers.
    """
    ids = developer_ids.combine_chunks() if isinstance(developer_ids, pa.ChunkedArray) else developer_ids
    encoded = ids.dictionary_encode()
    made = [hmac.digest(key, one.encode(), "sha256").hex()[:LENGTH] for one in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(made, pa.string()), encoded.indices)
