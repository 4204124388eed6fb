"""A lake in a bucket loses no part that a manifest has named, whoever writes and whenever the store or writer fails."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore, ObjectStore

from hub_assets.lake import remote
from hub_assets.lake.binding import BOUND_TO, LakeBinding
from hub_assets.lake.bucket import Bucket, BucketError, BucketUnreachable, s3_bucket
from hub_assets.lake.landing import Landing
from hub_assets.lake.location import lake_at
from hub_assets.lake.parts import MANIFEST, Lake, LakeError
from hub_assets.lake.remote import LakeOutdated, RemoteLake
from hub_assets_tests.lake.test_landing import WEEK, collect, convert, numbers

ADDRESS = "s3://bucket/lake"
KEY = f"t/snapshot_date={WEEK}/{MANIFEST}"


class Counted(Bucket):
    """A bucket that records its calls, and fails before or after a chosen one."""

    def __init__(self, store: ObjectStore, fails_at: int = 0, *, is_after: bool = False) -> None:
        super().__init__(ADDRESS, store)
        self.calls: list[tuple[str, str]] = []
        self._fails_at = fails_at
        self._is_after = is_after

    def _counted(self, name: str, key: str, call: Callable[[], Any]) -> Any:
        self.calls.append((name, key))
        fails = len(self.calls) == self._fails_at
        if fails and not self._is_after:
            raise BucketUnreachable(name)
        result = call()
        if fails:
            raise BucketUnreachable(name)
        return result

    def list(self, prefix: str = "") -> Any:
        return self._counted("list", prefix, lambda: super(Counted, self).list(prefix))

    def read(self, key: str) -> Any:
        return self._counted("read", key, lambda: super(Counted, self).read(key))

    def replace(self, key: str, content: bytes, tag: str | None) -> None:
        self._counted("replace", key, lambda: super(Counted, self).replace(key, content, tag))

    def upload(self, file: Path, key: str) -> None:
        self._counted("upload", key, lambda: super(Counted, self).upload(file, key))

    def download(self, key: str, file: Path) -> None:
        self._counted("download", key, lambda: super(Counted, self).download(key, file))


@pytest.fixture
def store() -> ObjectStore:
    return MemoryStore()


def opened(root: Path, store: ObjectStore) -> RemoteLake:
    return RemoteLake(root, Bucket(ADDRESS, store), root / "home.json")


def parts_in(store: ObjectStore) -> list[str]:
    return sorted(key for key in Bucket(ADDRESS, store).list() if key.endswith(".parquet"))


def test_another_machine_reads_the_weeks(tmp_path: Path, store: ObjectStore) -> None:
    collect(opened(tmp_path / "one", store), 10)
    bucket = Counted(store)
    other = RemoteLake(tmp_path / "other", bucket, tmp_path / "home.json")
    assert other.weeks("t") == [WEEK]
    assert not [name for name, _ in bucket.calls if name == "download"]  # parts wait until they are read
    assert numbers(other) == list(range(10))
    assert numbers(opened(tmp_path / "other", store)) == list(range(10))
    n_parts = len(other.manifest("t", WEEK).parts)
    assert [name for name, _ in bucket.calls].count("download") == n_parts > 1


def test_parts_are_uploaded_before_the_manifest_that_names_them(tmp_path: Path, store: ObjectStore) -> None:
    bucket = Counted(store)
    collect(RemoteLake(tmp_path, bucket, tmp_path / "home.json"), 10)
    writes = [name for name, key in bucket.calls if key.startswith("t/") and name in ("upload", "replace")]
    assert writes[:4] == ["upload", "replace"] * 2
    assert writes.count("upload") == len(parts_in(store))


def test_damaged_and_missing_files_of_the_cache_are_fetched_again(tmp_path: Path, store: ObjectStore) -> None:
    lake = opened(tmp_path, store)
    collect(lake, 10)
    first, second, *_ = lake.files("t", WEEK)
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.unlink()
    manifest = lake.folder("t", WEEK) / MANIFEST
    manifest.write_bytes(b"{")
    assert numbers(opened(tmp_path, store)) == list(range(10))


def test_damaged_and_deleted_objects_are_refused(tmp_path: Path, store: ObjectStore) -> None:
    collect(opened(tmp_path / "one", store), 10)
    first, second, *_ = parts_in(store)
    content = Bucket(ADDRESS, store).read(first)
    store.put(first, b"PAR1")
    with pytest.raises(LakeError, match=r"is damaged in s3://bucket/lake .* in the lake of every machine"):
        numbers(opened(tmp_path / "other", store))
    assert content is not None
    store.put(first, content[0])
    store.delete(second)
    with pytest.raises(LakeError, match=r"is not in s3://bucket/lake: .* collect the week again"):
        numbers(opened(tmp_path / "third", store))


def test_journals_stay_on_the_machine(tmp_path: Path, store: ObjectStore) -> None:
    collect(opened(tmp_path / "one", store), 3, finish=False, flush_bytes=10**6)
    assert list(tmp_path.glob("one/t/*/journal-*"))
    assert set(Bucket(ADDRESS, store).list()) == {".lake"}
    collect(opened(tmp_path / "one", store), 3)
    assert numbers(opened(tmp_path / "other", store)) == [0, 1, 2]


def test_second_writer_of_a_week_is_refused_and_continues(tmp_path: Path, store: ObjectStore) -> None:
    one, other = opened(tmp_path / "one", store), opened(tmp_path / "other", store)
    collect(one, 4, finish=False)
    with pytest.raises(LakeOutdated, match="another machine has changed t for 2026-11-16 in s3://bucket/lake"):
        other.set_manifest("t", WEEK, other.manifest("t", WEEK))
    other.set_manifest("u", WEEK, other.manifest("u", WEEK))  # another table is not affected
    named = parts_in(store)
    collect(other, 9, adds=True)  # a landing starts from the newest manifest
    assert set(named) <= set(parts_in(store))
    with pytest.raises(LakeOutdated):
        one.set_manifest("t", WEEK, one.manifest("t", WEEK))
    for machine in ("one", "other", "third"):
        assert numbers(opened(tmp_path / machine, store)) == list(range(9))


def test_parts_of_a_refused_writer_do_not_replace_those_of_the_other(tmp_path: Path, store: ObjectStore) -> None:
    class Overtaken(Bucket):
        def upload(self, file: Path, key: str) -> None:
            if not parts_in(store):
                collect(opened(tmp_path / "one", store), 3)
            super().upload(file, key)

    lake = RemoteLake(tmp_path / "other", Overtaken(ADDRESS, store), tmp_path / "home.json")
    with pytest.raises(LakeOutdated):
        collect(lake, 5, flush_bytes=10**6)
    assert numbers(opened(tmp_path / "third", store)) == [0, 1, 2]


def test_landing_is_not_disturbed_by_readers_of_the_same_home(tmp_path: Path, store: ObjectStore) -> None:
    lake = opened(tmp_path / "one", store)
    collect(lake, 4)
    with Landing(lake, "t", WEEK, convert, 10, adds=True) as landing:
        other = opened(tmp_path / "other", store)
        collect(other, 6, adds=True)
        manifest = lake.folder("t", WEEK) / MANIFEST
        before = manifest.read_bytes()
        opened(tmp_path / "one", store)
        assert manifest.read_bytes() == before  # not the other machine's
        with pytest.raises(LakeOutdated):
            landing.finish(lambda _: {})
    assert numbers(opened(tmp_path / "one", store)) == list(range(6))


def test_replaced_parts_leave_the_bucket_and_the_other_caches(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = opened(tmp_path / "one", store)
    collect(lake, 10)
    assert numbers(opened(tmp_path / "other", store)) == list(range(10))
    stray = f"t/snapshot_date={WEEK}/part-009-00000.0123456789abcdef.parquet"
    store.put(stray, b"")
    collect(lake, 3)
    named = set(parts_in(store))
    assert stray in named  # another writer may be about to name it
    assert len(named) == 1 + len(lake.manifest("t", WEEK).parts)
    assert numbers(opened(tmp_path / "other", store)) == [0, 1, 2]
    assert len(list(tmp_path.glob("other/t/*/part-*"))) == len(named) - 1
    monkeypatch.setattr(remote, "KEPT", timedelta(0))
    collect(lake, 4)
    assert stray not in parts_in(store)


def test_weeks_of_a_folder_move_to_an_empty_bucket(tmp_path: Path, store: ObjectStore) -> None:
    collect(Lake(tmp_path / "one"), 10)
    collect(Lake(tmp_path / "clash"), 5)
    opened(tmp_path / "one", store)
    assert numbers(opened(tmp_path / "other", store)) == list(range(10))
    with pytest.raises(LakeBinding, match=r"both have t/snapshot_date=2026-11-16, with different contents; move"):
        opened(tmp_path / "clash", store)
    assert numbers(Lake(tmp_path / "clash")) == list(range(5))


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("fails_at", range(1, 9))
def test_first_opening_that_failed_can_be_repeated(
    tmp_path: Path, store: ObjectStore, fails_at: int, is_after: bool
) -> None:
    """Even if another machine adds to a week that the failed opening had fetched."""
    root = tmp_path / "new"
    collect(Lake(tmp_path / "own"), 3)
    shutil.copytree(tmp_path / "own" / "t", root / "u")
    collect(opened(tmp_path / "one", store), 4)
    with pytest.raises(BucketUnreachable):
        RemoteLake(root, Counted(store, fails_at, is_after=is_after), root / "home.json")
    collect(opened(tmp_path / "one", store), 5, adds=True)
    assert numbers(opened(root, store)) == list(range(5))
    assert f"u/snapshot_date={WEEK}/{MANIFEST}" in Bucket(ADDRESS, store).list()


def bound(root: Path, store: ObjectStore, **facts: object) -> dict[str, object]:
    root.mkdir(exist_ok=True)
    if facts:
        (root / "home.json").write_text(json.dumps(facts))
    opened(root, store)
    return dict(json.loads((root / "home.json").read_text()))


def test_homes_that_share_a_bucket_hold_data_from_the_same_hub(tmp_path: Path, store: ObjectStore) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert bound(one, store, source="hub", format=2) == {"source": "hub", "format": 2}
    assert bound(other, store) == {"source": "hub", "format": 2}
    pinned = {"source": "hub", "format": 2, "secret": "a"}
    assert bound(one, store, **pinned) == pinned
    assert bound(other, store) == pinned
    for name, text in (("source", "different Hubs"), ("format", "another version"), ("secret", "copy `secret`")):
        with pytest.raises(LakeBinding, match=f"other cannot share s3://bucket/lake: .*{text}"):
            bound(other, store, **(pinned | {name: "x"}))
    assert bound(tmp_path / "third", store) == pinned


def test_store_without_conditional_writes_is_refused(tmp_path: Path) -> None:
    class Careless(Bucket):
        def _put(self, key: str, content: bytes, tag: str | None) -> None:
            super()._put(key, content, (self.read(key) or (b"", tag))[1])

    with pytest.raises(BucketError, match="ignores conditions on writes"):
        RemoteLake(tmp_path, Careless(ADDRESS, MemoryStore()), tmp_path / "home.json")


def test_folder_belongs_to_one_bucket(tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_ASSETS_LAKE", raising=False)
    assert type(lake_at(tmp_path, bytes, tmp_path / "home.json")) is Lake
    opened(tmp_path, store)
    assert (tmp_path / BOUND_TO).read_text() == ADDRESS
    with pytest.raises(LakeBinding, match="caches s3://bucket/lake, but HUB_ASSETS_LAKE is not set; set it to"):
        lake_at(tmp_path, bytes, tmp_path / "home.json")
    monkeypatch.setenv("HUB_ASSETS_LAKE", "s3://elsewhere/")
    with pytest.raises(LakeBinding, match="but HUB_ASSETS_LAKE is s3://elsewhere; set it to s3://bucket/lake"):
        lake_at(tmp_path, bytes, tmp_path / "home.json")


@pytest.mark.parametrize("address", ["bucket/lake", "gs://bucket", "s3:///lake", "s3://bucket/lake?x=1"])
def test_impossible_address_is_refused(address: str) -> None:
    with pytest.raises(BucketError, match="set it to s3://bucket/prefix, or unset it"):
        s3_bucket(address)


def test_missing_extra_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_ASSETS_LAKE", ADDRESS)
    for name in ("hub_assets.lake.bucket", "hub_assets.lake.remote"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(LakeBinding, match=r"pip install 'hub-assets\[s3\]'"):
        lake_at(tmp_path, bytes, tmp_path / "home.json")


STEP = st.tuples(st.sampled_from(["one", "other"]), st.integers(1, 6), st.booleans(), st.integers(0, 25), st.booleans())


@settings(max_examples=15)
@given(st.lists(STEP, min_size=1, max_size=5))
def test_machines_that_take_turns_and_fail_lose_nothing(steps: list[tuple[str, int, bool, int, bool]]) -> None:
    """Each step appends records to a week, and may fail before or after any call to the store."""
    store, named = MemoryStore(), 0
    with tempfile.TemporaryDirectory() as folder:
        for machine, n, finishes, fails_at, is_after in steps:
            bucket = Counted(store, fails_at, is_after=is_after)
            with suppress(BucketUnreachable, LakeOutdated):
                lake = RemoteLake(Path(folder, machine), bucket, Path(folder, f"{machine}.json"))
                collect(lake, named + n, finish=finishes, adds=True)
            with tempfile.TemporaryDirectory() as empty:
                third = opened(Path(empty), store)
                manifest = third.manifest("t", WEEK)
                parts = manifest.parts if manifest.landing is None else manifest.landing
                n_named = sum(part.rows for part in parts)
                assert n_named >= named
                assert [n for file in third.files_so_far("t", WEEK) for n in read(file)] == list(range(n_named))
                named = n_named


def read(file: Path) -> list[int]:
    return [int(n) for n in pq.read_table(file)["n"].to_pylist()]
