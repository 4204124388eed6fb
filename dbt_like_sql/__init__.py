"""The project's SQL. No Python belongs here: `hub_assets.warehouse.sql_project` reads these files."""
