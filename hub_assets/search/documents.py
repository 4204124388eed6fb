"""What is searched: one Arrow table with a row per repository, and the text that stands for each.

Choosing and joining the columns belongs to the warehouse; indexing them belongs to `index`.
"""

from typing import Final

import pyarrow as pa

SCHEMA: Final = pa.schema(
    [
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("repo_id", pa.string(), nullable=False),
        pa.field("namespace", pa.string()),
        pa.field("card_text", pa.string()),
        pa.field("has_card", pa.bool_()),
        pa.field("task", pa.string()),
        pa.field("library", pa.string()),
        pa.field("license_group", pa.string()),
        pa.field("languages", pa.list_(pa.string())),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("n_parameters", pa.int64()),
        pa.field("likes", pa.int64()),
        pa.field("downloads", pa.int64()),
    ]
)
"""One row per repository. `card_text` is the card's first paragraphs; `has_card` is null if the card was not asked for."""
