"""The table of quantities, from which tables, pages and charts take names and order."""

from pathlib import Path

import numpy as np

from pinnspectra.runs.quantities import (
    QUANTITIES,
    heading,
    of_metric,
    shown,
    table_of_documentation,
)

PAGE = Path(__file__).parents[1] / "docs" / "results.md"


def test_keys_metrics_and_headings_are_those_of_one_quantity_each():
    metrics = [q.metric for q in QUANTITIES.values() if q.metric]
    headings = [heading(key) for key in QUANTITIES]
    assert len(set(metrics)) == len(metrics)
    assert len(set(headings)) == len(headings)
    assert all(of_metric(metric).metric == metric for metric in metrics)
    assert of_metric("loss/min") is None


def test_values_are_shown_by_their_format():
    assert shown(None, "loss") == "-"
    assert shown(0.00012345, "loss") == "1.234e-04"
    assert shown(np.float64(0.5), "learning_rate") == "0.5"
    assert [shown(H, "truncated_entropy") for H in (0.25, 2e-5)] == ["0.2500", "2.00e-05"]
    assert shown(12.3456, "model.width") == "12.35"
    assert shown("a\x1bb").isprintable()


def test_the_page_of_results_has_the_table_as_it_is():
    assert table_of_documentation() in PAGE.read_text()  # else: make docs
