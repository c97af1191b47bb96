"""The table of quantities, from which tables, pages and charts take names and order."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from ensembles import write_run

from pinnspectra.runs.found import find_runs
from pinnspectra.runs.quantities import (
    QUANTITIES,
    heading,
    shown,
    table_of_documentation,
)
from pinnspectra.show.report.table import table
from pinnspectra.show.tables.collect import collect

PAGE = Path(__file__).parents[1] / "docs" / "results.md"


def test_keys_metrics_and_headings_are_those_of_one_quantity_each():
    metrics = [q.metric for q in QUANTITIES.values() if q.metric]
    headings = [heading(key) for key in QUANTITIES]
    assert len(set(metrics)) == len(metrics)
    assert len(set(headings)) == len(headings)


def test_values_are_shown_by_their_format():
    assert shown(None, "loss") == "-"
    assert shown(0.00012345, "loss") == "1.234e-04"
    assert shown(np.float64(0.5), "learning_rate") == "0.5"
    assert [shown(H, "truncated_entropy") for H in (0.25, 2e-5)] == ["0.2500", "2.00e-05"]
    assert shown(12.3456, "model.width") == "12.35"
    assert shown("a\x1bb").isprintable()


def test_the_page_of_results_has_the_table_as_it_is():
    assert table_of_documentation() in PAGE.read_text()  # else: make docs


def test_a_new_line_is_in_every_table(tmp_path, monkeypatch, capsys, undrawn):
    new = {"key": "residual_max", "metric": "residual/max", "heading": "max", "rank": 1}
    monkeypatch.setitem(QUANTITIES, "residual_max", replace(QUANTITIES["loss"], **new))
    monkeypatch.setenv("COLUMNS", "200")
    write_run(tmp_path)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"residual_max": 2.5}))
    assert collect(tmp_path)
    assert "max" in capsys.readouterr().out.split("\n\n")[1].split()
    assert (tmp_path / "summary.csv").read_text().splitlines()[0].endswith(",residual_max")
    assert "residual_max" in [q.key for q in table(find_runs(tmp_path), ["one"]).columns]
