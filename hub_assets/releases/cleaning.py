"""Cleans a release's rows, batch by batch: selects JSON fields, redacts text and drops withheld repositories."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.releases.redaction import redact, redact_json, selected_json, suspects

JSON_FIELDS: Final[dict[str, frozenset[str]]] = {
    "cardData": frozenset(
        {
            "annotations_creators",
            "app_file",
            "arxiv",
            "base_model",
            "base_model_relation",
            "colorFrom",
            "colorTo",
            "datasets",
            "emoji",
            "hf_oauth",
            "inference",
            "language",
            "language_creators",
            "library_name",
            "license",
            "license_link",
            "license_name",
            "metrics",
            "models",
            "multilinguality",
            "new_version",
            "pinned",
            "pipeline_tag",
            "pretty_name",
            "python_version",
            "sdk",
            "sdk_version",
            "short_description",
            "size_categories",
            "source_datasets",
            "tags",
            "task_categories",
            "task_ids",
            "thumbnail",
            "title",
            "viewer",
        }
    ),
    "config": frozenset({"architectures", "model_type"}),
    "gguf": frozenset({"architecture", "context_length", "total", "quantize_imatrix_file"}),
}
"""Top-level fields of JSON columns to release. Everything else, such as chat templates and free text, is left out."""
_IDS: Final = frozenset({"id", "repo_id", "previous_repo_id", "related_repo_id", "base_repo_id", "model_id"})
_KEYS: Final = frozenset({"_id", "repo_key", "base_repo_key", "space_key", "model_key"})
"""Columns that identify a repository. A row is dropped if one of them names a withheld repository."""


class Cleaner:
    """Cleans batches, and counts the rows and values that it removes.

    Args:
        ids: all ids of withheld repositories, in any spelling.
        keys: the permanent keys of withheld repositories.
    """

    def __init__(self, ids: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        self.found: Counter[str] = Counter()
        lower = sorted({repo_id.lower() for repo_id in ids})
        self._withheld = [(_IDS, pa.array(lower, pa.string())), (_KEYS, pa.array(sorted(set(keys)), pa.string()))]
        names = "|".join(map(re.escape, lower))
        self._names = re.compile(rf"(?i)(?<![\w./-])(?:{names})(?![\w-]|\.\w)") if names else None
        self._withheld_names = names or None

    def clean(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch without withheld rows, secrets or attacks, but with the same columns and types."""
        batch = self._without_withheld(batch)
        columns = [self._column(name, batch[name]) for name in batch.schema.names]
        cleaned = pa.record_batch(columns, schema=batch.schema)
        return cleaned if "id" not in batch.schema.names else self._without_bad_ids(cleaned)

    def _without_withheld(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for columns, withheld in self._withheld:
            for name in sorted(columns & set(batch.schema.names)) if len(withheld) else ():
                values = pc.utf8_lower(batch[name]) if columns is _IDS else batch[name]
                found = pc.fill_null(pc.is_in(values, withheld), False)
                self._count("withheld_rows", found)
                batch = batch.filter(pc.invert(found))
        return batch

    def _count(self, kind: str, found: pa.Array) -> None:
        if n := pc.sum(found).as_py():
            self.found[kind] += n

    def _without_bad_ids(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Drop rows whose id had to be redacted, because a row without an id is useless."""
        bad = pc.fill_null(pc.match_substring(batch["id"], "[removed: "), False)
        self._count("rows_with_unsafe_id", bad)
        return batch.filter(pc.invert(bad))

    def _column(self, name: str, values: pa.Array) -> pa.Array:
        if name in JSON_FIELDS and pa.types.is_string(values.type):
            return self._json(values, JSON_FIELDS[name])
        if pa.types.is_string(values.type):
            return self._text(values)
        if pa.types.is_list(values.type) and pa.types.is_string(values.type.value_type):
            return pa.ListArray.from_arrays(values.offsets, self._text(values.values), mask=pc.is_null(values))
        if pa.types.is_nested(values.type):
            cleaned = [self._nested(value) for value in values.to_pylist()]
            return pa.array(cleaned, values.type)
        return values

    def _text(self, values: pa.Array) -> pa.Array:
        def needs(texts: pa.Array) -> pa.Array:
            if self._withheld_names is None:
                return suspects(texts)
            named = pc.match_substring_regex(texts, self._withheld_names, ignore_case=True)
            return pc.or_(suspects(texts), named)

        return self._each(values, lambda text: redact(self._without_names(text), self.found), needs)

    def _json(self, values: pa.Array, keys: frozenset[str]) -> pa.Array:
        texts = values.unique().drop_null()
        harmless = set(texts.filter(pc.invert(suspects(texts))).to_pylist())

        def selected(text: str) -> str | None:
            chosen = selected_json(text, keys, self.found, is_suspect=text not in harmless)
            return None if chosen is None else self._without_names(chosen)

        return self._each(values, selected)

    def _each(
        self, values: pa.Array, change: Callable[[str], str | None], needs: Callable[[pa.Array], pa.Array] | None = None
    ) -> pa.Array:
        """Apply a function once to every distinct text, but count its findings once per occurrence of the text.

        Texts outside the mask that `needs` returns do not change.
        """
        encoded = values.dictionary_encode()
        texts = encoded.dictionary
        mask = pa.repeat(pa.scalar(True), len(texts)) if needs is None else needs(texts)
        times = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(texts))
        changed, found, self.found = [], self.found, Counter()
        some = mask.to_numpy(zero_copy_only=False)
        for text, n in zip(texts.filter(mask).to_pylist(), times[some].tolist(), strict=True):
            changed.append(change(text))
            if self.found:
                found.update({kind: number * n for kind, number in self.found.items()})
                self.found.clear()
        self.found = found
        return pc.replace_with_mask(texts, mask, pa.array(changed, values.type)).take(encoded.indices)

    def _without_names(self, text: str) -> str:
        if self._names is None:
            return text
        text, n = self._names.subn("[withheld]", text)
        if n:
            self.found["withheld_mentions"] += n
        return text

    def _nested(self, value: Any) -> Any:
        if value is None:
            return None
        plain = json.loads(self._without_names(json.dumps(value, ensure_ascii=False)))
        return redact_json(plain, self.found)
