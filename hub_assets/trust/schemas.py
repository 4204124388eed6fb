"""Arrow schemas of the tables that this room writes, without the week."""

from typing import Final

import pyarrow as pa

SEVERITIES: Final = ("ok", "unknown", "warning", "error")

WEEK_QUALITY: Final = pa.schema(
    [
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("n", pa.int64()),
        pa.field("evidence", pa.string(), nullable=False),
    ]
)
