"""The observatory of the Hugging Face Hub: weekly snapshots, marts, networks and statistics as Dagster assets."""
