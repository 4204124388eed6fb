"""Ids are parsed however people write them."""

import pytest

from hub_assets.hub.collect.ids import first_of, read_id


@pytest.mark.parametrize(
    ("text", "repo_type", "repo_id"),
    [
        ("gpt2", None, "gpt2"),
        (" BO/Delta ", None, "bo/delta"),
        ("bo/delta/", None, "bo/delta"),
        ("bo/delta@v1.0", None, "bo/delta"),
        ("bo/delta@refs/pr/1", None, "bo/delta"),
        ("datasets/bo/delta", "dataset", "bo/delta"),
        ("models/gpt2", "model", "gpt2"),
        ("space/r1", None, "space/r1"),
        ("datasets", None, "datasets"),
        ("https://huggingface.co/bo/Delta", "model", "bo/delta"),
        ("https://huggingface.co/bo/delta/", "model", "bo/delta"),
        ("HTTPS://HuggingFace.co/bo/delta/blob/main/README.md", "model", "bo/delta"),
        ("https://huggingface.co/gpt2", "model", "gpt2"),
        ("https://huggingface.co/gpt2/tree/main", "model", "gpt2"),
        ("https://huggingface.co/datasets/squad/discussions/1", "dataset", "squad"),
        ("https://huggingface.co/datasets/bo/delta/viewer?row=1#top", "dataset", "bo/delta"),
        ("http://www.huggingface.co/spaces/bo/delta", "space", "bo/delta"),
        ("huggingface.co/spaces/bo/delta", "space", "bo/delta"),
        ("https://hf.co/bo/delta", "model", "bo/delta"),
        ("https://huggingface.co/api/models/bo/delta", "model", "bo/delta"),
        ("https://huggingface.co/bo/del%74a", "model", "bo/delta"),
        ("hf://datasets/bo/delta@main/a.csv", "dataset", "bo/delta"),
        ("https://github.com/bo/delta", None, "https://github.com/bo/delta"),
        ("a/b/c", None, "a/b/c"),
        ("https://huggingface.co/", "model", ""),
        ("", None, ""),
    ],
)
def test_id_is_parsed(text: str, repo_type: str | None, repo_id: str) -> None:
    assert read_id(text) == (repo_type, repo_id)


def test_long_id_lists_are_abbreviated() -> None:
    assert first_of(["a", "b"]) == "a, b"
    assert first_of([str(n) for n in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
