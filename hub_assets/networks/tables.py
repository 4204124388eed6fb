"""Tables of network measures, without the leading key columns (week, network, edge rule, whether bots are included).

Functions that measure a network do not receive its keys; the caller adds the key columns.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from hub_assets.networks.schemas import OF_A_NETWORK


def without_network(schema: pa.Schema) -> pa.Schema:
    """Return a schema without its leading key columns."""
    return pa.schema(list(schema)[len(OF_A_NETWORK) + 1 :])


def table_of(records: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return records as rows of a schema without its key columns; NaN becomes null."""
    columns, rows = without_network(schema), list(records)
    return pa.table(
        [pa.array([row.get(field.name) for row in rows], field.type, from_pandas=True) for field in columns],
        schema=columns,
    )
