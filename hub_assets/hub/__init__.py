"""The Hub as a source: client, pacing, listings, Arrow schemas. Knows neither Dagster nor the lake."""
