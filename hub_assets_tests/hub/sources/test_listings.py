"""The fields that listings must request, because what a week does not collect cannot be collected later."""

from hub_assets.hub.sources.listings import LISTINGS


def test_columns_that_cannot_be_collected_later_are_asked_for() -> None:
    assert {"baseModels", "gguf", "config", "cardData", "tags", "downloadsAllTime"} <= LISTINGS["model"].fields.keys()
    assert {"models", "cardData", "runtime", "tags"} <= LISTINGS["space"].fields.keys()
    assert {"cardData", "tags", "downloadsAllTime"} <= LISTINGS["dataset"].fields.keys()
