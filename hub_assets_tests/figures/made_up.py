"""Made-up input tables for figures, and the checks that every figure must pass."""

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from hub_assets.figures.style import VARIABLES
from hub_assets.statistics.activity import VARIABLES as KNOWN
from hub_assets.statistics.schemas import TAIL_FITS


def repos(repo_type: str, n: int) -> pa.Table:
    """Return heavy-tailed activity of n repositories with a few nulls; variables that the type lacks are all null."""
    rng = np.random.default_rng(n)
    columns = {}
    for variable in VARIABLES:
        values = np.floor(np.minimum(rng.pareto(1.1, n) * rng.integers(0, 2, n) * 3, 1e9)).astype(np.int64)
        share_unknown = 0.02 if variable in KNOWN[repo_type] else 1
        columns[variable] = pa.array(values, mask=rng.random(n) < share_unknown)
    return pa.table(columns)


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table with the given schema minus the week column; missing fields are null."""
    return pa.Table.from_pylist(rows, pa.schema(list(schema)[1:]))


def tail_fits(*rows: dict[str, Any]) -> pa.Table:
    """Return one tail fit per row; fields that a row leaves out have the values of a fit of models' likes."""
    fitted = {"repo_type": "model", "variable": "n_likes", "x_min": 3.0, "alpha": 2.0, "share_in_tail": 0.5}
    return table([fitted | {"preferred": "undecided", "verdict": "undecided"} | row for row in rows], TAIL_FITS)


def assert_neat(figure: Figure) -> None:
    """Check that no text is small, cut off or overlapping (except slanted text, whose bounding boxes overlap)."""
    figure.draw_without_rendering()  # positions the legends
    texts = [*figure.texts]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [*axes.texts, *(legend.get_texts() if legend else [])]
    boxes = {text: text.get_window_extent() for text in texts if text.get_text()}
    for text, box in boxes.items():
        assert float(text.get_fontsize()) >= 7
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    straight = [(text, box) for text, box in boxes.items() if text.get_rotation() % 90 == 0]
    for (one, a), (other, b) in combinations(straight, 2):
        # the top 2 pixels of a text box are empty
        is_apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 2 or b.y1 <= a.y0 + 2
        assert is_apart, (one, other)
