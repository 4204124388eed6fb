"""A journal keeps every record whose append had returned, no matter how its end is torn off."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_assets.lake.journal import Journal, read_records

PAYLOADS = st.lists(st.binary(max_size=200), max_size=8)


@given(PAYLOADS, st.data())
def test_torn_tail_loses_only_the_torn_record(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.log"
    ends = [0]
    with Journal(path) as journal:
        for payload in payloads:
            journal.append(payload)
            ends.append(journal.size)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = sum(end <= cut for end in ends[1:])
    with Journal(path) as journal:
        assert journal.records == payloads[:whole]
        journal.append(b"after the crash")
    assert list(read_records(path.read_bytes())) == [*payloads[:whole], b"after the crash"]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_flipped_byte_is_never_read_as_a_record(payloads: list[bytes], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "j.log") as journal:
        for payload in payloads:
            journal.append(payload)
        content = bytearray((Path(folder) / "j.log").read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    read = list(read_records(bytes(content)))
    assert read == payloads[: len(read)]
    assert len(read) < len(payloads) or read == payloads
