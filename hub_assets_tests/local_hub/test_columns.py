import pyarrow as pa
import pytest

from hub_assets.local_hub.columns import Lookup, whole


@pytest.mark.parametrize("column", [["b", "A", None, "a", "b"], ["A", "b", "B", "B", None]])
def test_rows_are_found_by_value(column: list[str | None]) -> None:
    chunks = pa.chunked_array([column[:2], column[2:]], pa.string())
    exact, any_case = Lookup(chunks), Lookup(chunks, any_case=True)
    for value in ("a", "A", "b", "B", "c", ""):
        rows = [row for row, held in enumerate(column) if held == value]
        assert exact.rows(value).tolist() == rows
        assert exact.first(value) == (rows[0] if rows else None)
        alike = [row for row, held in enumerate(column) if held is not None and held.lower() == value.lower()]
        assert any_case.rows(value).tolist() == alike


def test_a_column_may_be_empty() -> None:
    nothing = pa.chunked_array([], pa.string())
    assert Lookup(nothing).first("a") is None
    assert len(whole(nothing)) == 0


def test_a_single_chunk_column_is_not_copied() -> None:
    array = pa.array(["a", "b"])
    assert whole(pa.chunked_array([array])).buffers()[2].address == array.buffers()[2].address
    assert whole(pa.chunked_array([array, array])).to_pylist() == ["a", "b", "a", "b"]
