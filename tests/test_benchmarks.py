"""The page that the benchmarks are reported on."""

import runpy

from scripts import ROOT

report = runpy.run_path(str(ROOT / "benchmarks" / "report.py"))


def test_a_table_has_every_column_of_its_rows():
    rows = [{"problem": "a", "ratio": 12.345}, {"problem": "b", "range": "1 to 2"}]
    assert report["table"](rows).splitlines() == [
        "| problem | ratio | range |",
        "| --- | --- | --- |",
        "| a | 12.3 |  |",
        "| b |  | 1 to 2 |",
    ]


def test_the_page_names_every_machine_and_every_script():
    def result(processor):
        machine = {"processor": processor}
        return {"title": "T", "text": "How.", "date": "2030-01-02", "machine": machine, "rows": []}

    page = report["page"]([("one", result("P")), ("two", result("P")), ("three", result("Q"))])
    assert "Machine: processor P. Ran here: one (2030-01-02), two (2030-01-02)." in page
    assert "Machine: processor Q. Ran here: three (2030-01-02)." in page
    assert "How. (`benchmarks/two.py`)" in page
