"""Finds the columns that each column of a SQL model derives from, by parsing the SQL with sqlglot.

The loader skips this step, which would account for 40% of its time and is needed only by a run that builds the model.
"""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from hub_assets.warehouse.sql_project import NO_WEEK, Model, Table

Origins = dict[str, list[tuple[str, str]]]
"""The (table, column) pairs that each column derives from."""


def column_lineage(model: Model, tables: Mapping[str, Table]) -> Origins:
    """Return the origins of a model's columns in the tables that it reads; `tables` holds all tables by name."""
    schema: dict[str, object] = {
        name: {column.name: column.type for column in tables[name].columns} for name in model.upstream
    }
    qualified = qualify(
        sqlglot.parse_one(model.render(NO_WEEK), read="duckdb"),
        schema=schema,
        dialect="duckdb",
        quote_identifiers=False,
        validate_qualify_columns=False,
    )
    scope = build_scope(qualified)
    origins: Origins = {}
    # passing the scope keeps sqlglot from qualifying the query again
    roots = lineage(None, qualified, schema, dialect="duckdb", scope=scope, trim_selects=False, copy=False)
    for column, root in roots.items() if isinstance(roots, dict) else ():
        leaves = {
            (leaf.expression.name, leaf.name.rpartition(".")[2])
            for leaf in root.walk()
            if isinstance(leaf.expression, exp.Table) and leaf.expression.name in schema
        }
        origins[column] = sorted(
            (table, one.name)
            for table, leaf in leaves
            for one in tables[table].columns
            if one.name.lower() == leaf.lower()
        )
    return origins
