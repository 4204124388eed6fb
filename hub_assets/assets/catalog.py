"""The catalog entry of every asset: owner, tags and a query to copy."""

import shlex
from typing import Final

import dagster as dg

from hub_assets.home import Home
from hub_assets.resources import project
from hub_assets.warehouse.sql_project import Model, Seed

OWNER: Final = "team:observatory"
LAYERS: Final = {
    "raw": "raw",
    "enrich": "raw",
    "stg": "staging",
    "int": "intermediate",
    "core": "identities",
    "mart": "marts",
    "stats": "marts",
    "network": "marts",
    "figure": "figures",
    "warehouse": "published",
    "report": "published",
    "release": "published",
    "search": "published",
}


def with_catalog_entry(spec: dg.AssetSpec, home: Home) -> dg.AssetSpec:
    """Return a spec with its owner, its tags (layer, personal data, cost) and the query that shows its newest week."""
    name = spec.key.to_user_string()
    table = project().tables.get(name)
    layer = LAYERS[name.partition("_")[0]] if "__" in name else "seeds"
    cost = {"raw": "hub-calls", "figures": "compute"}.get(layer, "sql" if {"sql", "csv"} & spec.kinds else "compute")
    tags = {"layer": layer, "personal_data": "yes" if table and table.personal else "no", "cost": cost}
    query = {}
    if table is not None:
        is_published = isinstance(table, Seed) or table in project().published
        database = home.warehouse if is_published else home.build
        newest = "" if isinstance(table, Seed) else f" where snapshot_date = (select max(snapshot_date) from {name})"
        key = ", ".join(f'"{column}"' for column in table.grain)
        select = f"from {name}{newest} order by {key} limit 20"
        command = f"duckdb -readonly {shlex.quote(str(database))} {shlex.quote(select)}"
        query = {"query": dg.MetadataValue.md(f"```sh\n{command}\n```")}
    if isinstance(table, Model):
        # the SQL is not part of the description, because it would push the row count and preview off the page
        query["sql"] = dg.MetadataValue.md(f"```sql\n{table.sql}```")
    return spec.replace_attributes(owners=[OWNER], tags={**spec.tags, **tags}, metadata={**spec.metadata, **query})
