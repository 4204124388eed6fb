"""Columns of text, lists and JSON, built from other columns in Arrow without a Python object per row.

A null part makes the whole text null. Choosing the words belongs in the modules that call these functions.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.simulated.rng import Bits, Flags, Ints

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def of(words: Sequence[str], positions: Ints) -> pa.Array:
    """Return the word at each index."""
    return pa.array(list(words), pa.string()).take(pa.array(positions))


def chosen(words: pa.Array, positions: Ints) -> pa.DictionaryArray:
    """Return the word at each index, dictionary-encoded; words may repeat."""
    once = words.dictionary_encode()
    return pa.DictionaryArray.from_arrays(once.indices.take(pa.array(positions)), once.dictionary)


def joined(*parts: pa.Array | str) -> pa.Array:
    """Concatenate strings row by row; null if any part is null."""
    return pc.binary_join_element_wise(*(pa.scalar(part) if isinstance(part, str) else part for part in parts), "")


def where(mask: Flags, these: pa.Array | str | None, others: pa.Array | str | None = None) -> pa.Array:
    """Return `these` where the mask is true, `others` elsewhere."""
    sides = (side if isinstance(side, pa.Array) else pa.scalar(side, pa.string()) for side in (these, others))
    return pc.if_else(pa.array(mask), *sides)


def numbers(values: Ints) -> pa.Array:
    """Format whole numbers."""
    return pa.array(values).cast(pa.string())


def moments(seconds: Ints) -> pa.Array:
    """Convert seconds since 1970 to timestamps in milliseconds, because Parquet has no seconds."""
    return pa.array(seconds * 1000, pa.timestamp("ms"))


def hexadecimal(words: Bits, length: int) -> pa.Array:
    """Return the first `length` hexadecimal digits of each 64-bit word."""
    octets = np.ascontiguousarray(words.astype(">u8")).view(np.uint8).reshape(len(words), 8)
    return _digits(octets[:, : -(-length // 2)], length)


def hexadecimal_of(octets: pa.FixedSizeBinaryArray) -> pa.Array:
    """Convert byte strings of equal length to hexadecimal digits; none may be null."""
    width = octets.type.byte_width
    data = np.frombuffer(octets.buffers()[1], np.uint8)[octets.offset * width :][: len(octets) * width]
    return _digits(data.reshape(len(octets), width), 2 * width)


def _digits(octets: npt.NDArray[np.uint8], length: int) -> pa.Array:
    digits = np.stack([_DIGITS[octets >> 4], _DIGITS[octets & 15]], axis=2).reshape(len(octets), 2 * octets.shape[1])
    flat = np.ascontiguousarray(digits[:, :length])
    offsets = np.arange(len(octets) + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(len(octets), pa.py_buffer(offsets), pa.py_buffer(flat))


def lists(*columns: pa.Array) -> pa.ListArray:
    """Return, for each row, a list of its non-null strings in column order."""
    rows = len(columns[0])
    held = np.stack([column.is_valid().to_numpy(zero_copy_only=False) for column in columns], axis=1)
    row, column = np.nonzero(held)
    offsets = np.append(0, held.sum(axis=1).cumsum()).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.concat_arrays(columns).take(pa.array(column * rows + row)))


def json_objects(**entries: pa.Array) -> pa.Array:
    """Return a JSON object for each row, without its null entries; null if all entries are null.

    Strings must contain nothing that needs JSON escaping; values of other types are cast to text.
    """
    members = []
    for name, values in entries.items():
        quote = '"' if pa.types.is_string(values.type) else ""
        members.append(joined(f'"{name}":{quote}', values.cast(pa.string()), quote))
    text = pc.binary_join_element_wise("{", pc.binary_join(lists(*members), ","), "}", "")
    return pc.if_else(pc.equal(text, "{}"), pa.scalar(None, pa.string()), text)
