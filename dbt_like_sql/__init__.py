"""The project's SQL, which `hub_assets.warehouse.sql_project` reads. No Python belongs here."""
