"""The metadata of results that the UI shows."""

import pyarrow as pa

from hub_assets.metadata import tracked_metrics


def test_tracked_metric_is_named_after_the_values_of_its_row() -> None:
    rows = pa.table({"kind": ["a", "b", "c"], "share": [0.8, 0.99, 0.8], "n": [3, None, 0]})
    assert tracked_metrics(rows, {"{kind}s_holding_{share:.0%}": "n"}) == {"as_holding_80%": 3, "cs_holding_80%": 0}
    assert tracked_metrics(rows.slice(0, 0), {"{kind}": "n"}) == {}
