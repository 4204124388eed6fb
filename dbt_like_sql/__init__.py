"""The SQL of the project. No Python belongs here: `hub_assets.warehouse.sql_project` reads these files."""
