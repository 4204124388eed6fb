"""One module per raw table: what to request and how to parse it."""
