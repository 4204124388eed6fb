"""Output for people: text for the terminal in this package, the static site in `site`. Reads lake and warehouse."""
