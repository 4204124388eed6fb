"""Output for people: text for the terminal here, the static site in `site`. Reads the lake and the warehouse."""
