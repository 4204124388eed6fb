"""HTTP access to the Hub: the client, its errors and its pacing."""
