"""Tables of measured networks, without the columns that say which network it is.

Those lead each table (the week, sub-field, rule of edges, bots or none); whoever measures does not know them, and
whoever asks adds them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from hub_assets.networks.schemas import OF_A_NETWORK


def without_network(schema: pa.Schema) -> pa.Schema:
    """Return the fields of a schema that come after those that say which network it is."""
    return pa.schema(list(schema)[len(OF_A_NETWORK) + 1 :])


def table_of(records: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return records as rows of a schema without what says which network it is; NaN is null."""
    columns, rows = without_network(schema), list(records)
    return pa.table(
        [pa.array([row.get(field.name) for row in rows], field.type, from_pandas=True) for field in columns],
        schema=columns,
    )
