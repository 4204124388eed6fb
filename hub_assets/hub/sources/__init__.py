"""One module per raw table: what to ask for and how to parse it."""
