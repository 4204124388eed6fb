"""Talking to the Hub: the client, its errors and its pacing."""
