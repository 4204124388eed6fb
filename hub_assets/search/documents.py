"""The documents to search: an Arrow table with one row per repository, and the texts to index for each repository.

Choosing and joining the columns belongs in the warehouse; indexing them belongs in `index`.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA: Final = pa.schema(
    [
        pa.field("repo_type", pa.string(), nullable=False),
        pa.field("repo_id", pa.string(), nullable=False),
        pa.field("namespace", pa.string()),
        pa.field("card_text", pa.string()),
        pa.field("has_card", pa.bool_()),
        pa.field("task", pa.string()),
        pa.field("library", pa.string()),
        pa.field("license_group", pa.string()),
        pa.field("languages", pa.list_(pa.string())),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("n_parameters", pa.int64()),
        pa.field("likes", pa.int64()),
        pa.field("downloads", pa.int64()),
    ]
)
"""One row per repository. `card_text` is the card's first paragraphs; `has_card` is null if no card was requested.

`tags` are words that describe the repository, without the Hub's prefixed tags such as `license:mit`.
"""


def names_of(documents: pa.Table) -> pa.Array:
    """Return each repository's id as words, including the namespace: `org/bert-base_uncased` becomes four words."""
    return pc.replace_substring_regex(documents["repo_id"], r"[^\pL\pN]+", " ").combine_chunks()


def spellings_of(documents: pa.Table) -> pa.Array:
    """Return a list of names for each repository: its id with and without the namespace, in lower case."""
    full = pc.utf8_lower(documents["repo_id"]).combine_chunks()
    names = pc.replace_substring_regex(full, r"^[^/]*/", "")
    both = pa.concat_arrays([full, names]).take(np.arange(2 * len(full)).reshape(2, -1).T.ravel())
    return pa.ListArray.from_arrays(np.arange(0, 2 * len(full) + 1, 2, dtype=np.int32), both)


def facts_of(documents: pa.Table) -> pa.Array:
    """Return each repository's task, library and tags as words."""
    columns = [documents["task"], documents["library"], pc.binary_join(documents["tags"], " ")]
    # with null_handling="skip", pyarrow 26 drops rows in which all values are null
    words = pc.binary_join_element_wise(*(pc.fill_null(column, "") for column in columns), " ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(words, r"[-_\s]+", " ")).combine_chunks()


def meanings_of(documents: pa.Table) -> pa.Array:
    """Return the text to embed for each document: name without namespace, facts and card, each as a sentence.

    A document without card text gets null, because a name alone carries too little meaning to compare.
    """
    names = pc.replace_substring_regex(documents["repo_id"], r"^[^/]*/", "")
    names = pc.replace_substring_regex(names, r"[-_]+", " ")
    texts = pc.binary_join_element_wise(names, facts_of(documents), documents["card_text"], ". ")
    return pc.replace_substring(texts, ". . ", ". ").combine_chunks()
