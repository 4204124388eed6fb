"""The SQL of the project. No Python belongs here: `hub_assets.warehouse.models` reads these files."""
