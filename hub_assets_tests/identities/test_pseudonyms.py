"""Pseudonyms are keyed by a secret that is created once per home and readable only by its owner."""

import hashlib
import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from hub_assets.identities.pseudonyms import LENGTH, SecretError, fingerprint, pseudonyms, secret_key

KEY = bytes(range(32))


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """Return HMAC-SHA-256 as defined in RFC 2104, for keys of up to one block."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


# --- pseudonyms ---


@pytest.mark.parametrize(
    ("key", "message", "expected"),
    [
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ],
)
def test_pseudonyms_match_the_rfc_4231_test_vectors(key: bytes, message: str, expected: str) -> None:
    assert hmac_by_hand(key, message.encode()) == expected
    assert pseudonyms(key, pa.array([message])).to_pylist() == [expected[:LENGTH]]


def test_pseudonyms_match_the_hmac_definition_and_null_stays_null() -> None:
    ids = ["00ff", None, "äöü", "00ff", ""]
    expected = [None if one is None else hmac_by_hand(KEY, one.encode())[:LENGTH] for one in ids]
    assert pseudonyms(KEY, pa.array(ids)).to_pylist() == expected
    assert expected[0] == expected[3]
    assert len({*expected}) == 4


def test_another_key_gives_other_pseudonyms() -> None:
    ids = pa.array([f"{number:016x}" for number in range(100)])
    one, other = (set(pseudonyms(key, ids).to_pylist()) for key in (KEY, KEY[::-1]))
    assert len(one) == len(other) == 100
    assert one.isdisjoint(other | set(ids.to_pylist()))


def test_a_fingerprint_distinguishes_keys_and_is_not_a_pseudonym() -> None:
    one, other = fingerprint(b"a" * 32), fingerprint(b"b" * 32)
    assert one != other
    assert one == fingerprint(b"a" * 32)
    assert one not in pseudonyms(b"a" * 32, pa.array(["a" * 32, "6" * 16])).to_pylist()


def test_chunked_sliced_and_empty_arrays() -> None:
    ids = pa.array(["a", "b", None, "a", "c"])
    expected = pseudonyms(KEY, ids)
    assert pseudonyms(KEY, pa.chunked_array([ids.slice(0, 2), ids.slice(2)])).equals(expected)
    assert pseudonyms(KEY, ids.slice(1, 3)).equals(expected.slice(1, 3))
    for empty in (pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert pseudonyms(KEY, empty).equals(pa.array([], pa.string()))
    assert pseudonyms(KEY, pa.array([None, None], pa.string())).to_pylist() == [None, None]


# --- the secret ---


def test_a_secret_is_created_once_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"
    key = secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text(encoding="ascii").strip()
    assert len(text) == 64
    assert bytes.fromhex(text) == key
    assert secret_key(path) == key
    assert list(path.parent.iterdir()) == [path]
    assert secret_key(tmp_path / "other" / "secret") != key


def test_a_permissive_umask_does_not_expose_the_secret(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        secret_key(tmp_path / "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_concurrent_processes_get_the_same_key(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) / "secret" for number in range(20)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = [list(pool.map(secret_key, [path] * 4)) for path in paths]
    assert all(len({*keys}) == 1 for keys in found)
    assert len({keys[0] for keys in found}) == len(paths)


def test_concurrent_threads_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [list(pool.map(secret_key, [tmp_path / str(number) / "secret"] * 8)) for number in range(20)]
    assert all(len({*keys}) == 1 for keys in found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_secret_readable_by_others_is_refused_with_a_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    key = secret_key(path)
    path.chmod(mode)
    with pytest.raises(SecretError, match="chmod 600"):
        secret_key(path)
    path.chmod(0o600)
    assert secret_key(path) == key


@pytest.mark.parametrize("content", [b"", b"\n", b"abc", b"zz" * 32, b"ab" * 31, b"\xff" * 64])
def test_a_damaged_secret_is_refused_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretError, match="restore it from a backup"):
        secret_key(path)
    assert path.read_bytes() == content


def test_a_secret_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretError, match="cannot be used as a secret"):
        secret_key(tmp_path / "file" / "secret")
