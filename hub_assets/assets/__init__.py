"""Dagster assets, one file per stage; thin: each calls the domain rooms. No parsing, SQL or statistics here."""
