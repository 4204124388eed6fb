"""What developers are called outside the raw layer and the identity tables: a pseudonym that only this home can make.

Whoever exports what people did calls `pseudonyms`, and nothing else.
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
"""Hexadecimal digits: 64 bits."""


class SecretError(HubAssetsError):
    """The secret cannot be used, and why."""


def secret_key(path: Path) -> bytes:
    """Return the key in a file that nobody else can read; it is made at the first call, and never again.

    Raises:
        SecretError: if the file holds no key, others can read it, or it cannot be made.
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
            # whole or not at all, and where two processes come at once the first one's key stands
            try:
                os.link(beside, path)
            except FileExistsError:
                pass
            finally:
                beside.unlink()
        if path.stat().st_mode & 0o077:
            raise SecretError(f"others can read {path}; take that right from them (chmod 600 {path})")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SecretError(f"{path} cannot be used as a secret ({error}); restore it from a backup") from error
    if len(key) < KEY_BYTES:
        raise SecretError(f"{path} holds no key of {KEY_BYTES} bytes; restore it from a backup")
    return key


def fingerprint(key: bytes) -> str:
    """Return what tells one key from another, and nothing else of it: 64 bits of an HMAC of no developer's id."""
    return hmac.digest(key, b"fingerprint of the key", "sha256").hex()[:LENGTH]


def pseudonyms(key: bytes, developer_ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the pseudonym of each developer: the first 64 bits of the HMAC-SHA-256 of the id; null stays null.

    The same key gives the same pseudonyms in every week; without it they lead nowhere.
    """
    ids = developer_ids.combine_chunks() if isinstance(developer_ids, pa.ChunkedArray) else developer_ids
    encoded = ids.dictionary_encode()
    made = [hmac.digest(key, one.encode(), "sha256").hex()[:LENGTH] for one in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(made, pa.string()), encoded.indices)
