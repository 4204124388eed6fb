"""Arrow schemas of the tables of verdicts and corrections. Their rows are computed in `quality` and `corrections`."""

from typing import Final

import pyarrow as pa

SEVERITIES: Final = ("ok", "unknown", "warning", "error")

WEEK_QUALITY: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("n", pa.int64()),
        pa.field("evidence", pa.string(), nullable=False),
    ]
)

FLOW_CORRECTIONS: Final = pa.schema(
    [
        pa.field("snapshot_date", pa.date32(), nullable=False),
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("repo_key", pa.string(), nullable=False),
        pa.field("flow_date", pa.date32(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
    ]
)
