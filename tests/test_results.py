"""The table and figure of all runs under a folder, whatever state the runs are in."""

import csv
import json
import shutil

import pytest
from scripts import SMALL, run_folders, run_script

from pinnspectra.results import NoRunError, collect, main


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("sweep")
    trained = run_script("train.py", "-m", *SMALL, "seed=0,1,2", "logger=[csv]", cwd=cwd)
    assert trained.returncode == 0, trained.stderr
    return run_folders(cwd)[0].parent


@pytest.fixture
def sweep(original, tmp_path):
    return shutil.copytree(original, tmp_path / "sweep")


def jobs(sweep):
    return sorted(path.parent for path in sweep.rglob(".hydra"))


def rows(sweep):
    with (sweep / "summary.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_whole_sweep_is_one_row_a_run(sweep, capsys):
    assert collect(sweep)
    table = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in table[:4]}) == 1  # aligned
    assert [row["seed"] for row in rows(sweep)] == ["0", "1", "2"]
    result = json.loads((jobs(sweep)[1] / "result.json").read_text())
    assert float(rows(sweep)[1]["loss"]) == result["loss"]
    assert float(rows(sweep)[1]["truncated_entropy"]) == result["truncated_entropy"]


def test_half_done_damaged_and_failed_runs_are_shown_as_such(sweep):
    first, second, third = jobs(sweep)
    (first / "result.json").unlink()
    (second / "result.json").write_text('{"status": "finis')
    (third / "result.json").unlink()
    (third / ".hydra" / "overrides.yaml").write_text("- seed=[")
    for left_over in ("metrics.csv", "spectra.npz"):
        (third / left_over).unlink()
    assert not collect(sweep)
    found = rows(sweep)
    assert [row["status"] for row in found] == ["unfinished"] * 3
    assert [row["pde"] for row in found] == ["poisson1d"] * 3
    assert [row["step"] for row in found] == ["20", "20", ""]


def test_a_metrics_file_cut_short_does_not_lose_the_table(sweep):
    first, *_ = jobs(sweep)
    (first / "result.json").unlink()
    text = (first / "metrics.csv").read_text()
    (first / "metrics.csv").write_text(text[: len(text) - 25])
    (first / "spectra.npz").write_bytes(b"PK\x03\x04 cut short")
    assert not collect(sweep)
    assert rows(sweep)[0]["step"] in ("", "0", "10")


@pytest.mark.parametrize("damaged", ["", "hydra: {runtime: ", "3", "hydra: 5"])
def test_a_damaged_hydra_file_does_not_lose_the_table(sweep, damaged):
    first, *_ = jobs(sweep)
    (first / "result.json").unlink()
    (first / ".hydra" / "hydra.yaml").write_text(damaged)
    assert not collect(sweep)
    assert [row["status"] for row in rows(sweep)] == ["unfinished", "finished", "finished"]


def test_it_can_be_run_again_and_from_above(sweep, tmp_path, capsys):
    assert main([str(sweep)]) == 0
    before = (sweep / "summary.csv").read_bytes()
    assert main([str(sweep)]) == 0
    assert (sweep / "summary.csv").read_bytes() == before
    assert main([str(tmp_path)]) == 0
    assert [row["run"] for row in rows(tmp_path)] == [f"sweep/{path.name}" for path in jobs(sweep)]


def test_jobs_are_in_the_order_of_their_numbers(sweep):
    template = jobs(sweep)[0]
    for number in (10, 9):
        shutil.copytree(template, sweep / f"{number}_copy")
    collect(sweep)
    numbers = [int(row["run"].split("_")[0]) for row in rows(sweep)]
    assert numbers == [0, 1, 2, 9, 10]


def test_a_folder_without_runs_is_told_in_one_line(tmp_path, capsys):
    with pytest.raises(NoRunError, match="no run under"):
        collect(tmp_path)
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [f"error: {tmp_path}: no run under this folder"]


def test_random_feature_models_have_their_own_comparison(tmp_path):
    done = run_script(
        "rfm_solve.py", "-m", "method=ad,fd", "model.width=20", "points.per_axis=20", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    folder = run_folders(tmp_path)[0].parent
    assert (folder / "comparison_rfm.png").exists()
    assert [row["method"] for row in rows(folder)] == ["ad", "fd"]
