"""Repository cards: a card is the repository's README, with the card data as YAML front matter.

Serving cards, including the response if a repository has no card, belongs in `app`.
"""

import json

import yaml

from hub_assets.local_hub.population import Repos


def card_text(repos: Repos, row: int) -> str | None:
    """Return the README of the repository in a row, or None if it has none."""
    text: str | None = repos.value("card", row)
    data = repos.value("cardData", row)
    if text is None or data is None:
        return text
    front = yaml.safe_dump(json.loads(data), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n{text}"
