"""The table and figure of all runs under a folder, whatever state the runs are in."""

import csv
import json
import shutil

import numpy as np
import pytest
from ensembles import metrics, write_run
from scripts import run_folders, run_script

from pinnspectra import figures
from pinnspectra.results import FEW_MEMBERS, NoRunError, collect, main, summary


@pytest.fixture
def sweep(tmp_path):
    for i in range(3):
        write_run(tmp_path / "sweep" / f"{i}_seed={i}", seed=i, overrides=[f"seed={i}"])
    return tmp_path / "sweep"


@pytest.fixture
def ensembles(tmp_path):
    """One run of 5 members, one of 64 at two learning rates, both with diverged ones, and one."""
    folder = tmp_path / "ensembles"
    write_run(folder / "0_method=ad", 5, {2: 4}, method="ad", overrides=["method=ad"])
    rates, ended = (1e-3, 1e-4), {3: 1, 40: 0}
    write_run(folder / "1_method=fd", 64, ended, rates, overrides=["method=fd"])
    write_run(folder / "2_method=fd_grid", method="fd_grid", overrides=["method=fd_grid"])
    return folder


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
    assert [row["step"] for row in found] == ["1000", "1000", ""]


def test_a_metrics_file_cut_short_does_not_lose_the_table(sweep):
    first, *_ = jobs(sweep)
    (first / "result.json").unlink()
    text = (first / "metrics.csv").read_text()
    (first / "metrics.csv").write_text(text[: len(text) - 25])
    (first / "spectra.npz").write_bytes(b"PK\x03\x04 cut short")
    assert not collect(sweep)
    assert rows(sweep)[0]["step"] == "900"


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


def test_an_ensemble_is_one_row_a_member(ensembles):
    assert not collect(ensembles)  # some diverged
    found = rows(ensembles)
    assert [row["member"] for row in found] == [*map(str, range(5)), *map(str, range(64)), "0"]
    assert [row["seed"] for row in found[:5]] == ["0", "1", "2", "3", "4"]
    assert [float(row["learning_rate"]) for row in found[5:69]] == 32 * [1e-3] + 32 * [1e-4]
    diverged = [i for i, row in enumerate(found) if row["status"] == "diverged"]
    assert diverged == [2, 5 + 3, 5 + 40]
    assert (found[2]["step"], found[2]["loss"]) == ("317", "")
    losses = np.array([float(row["loss"] or "nan") for row in found])
    np.testing.assert_array_equal(losses[:5], metrics(5, {2: 4})["loss"][-1])
    assert {row["config_hash"] for row in found} == {"0123456789abcdef"}


def test_an_ensemble_is_finished_where_all_members_are(tmp_path):
    write_run(tmp_path, 4)
    assert collect(tmp_path)


def test_many_members_are_printed_as_minimum_median_and_maximum(ensembles, capsys):
    collect(ensembles)
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert "summary.csv" in lines.pop()
    assert len({len(line) for line in lines}) == 1  # aligned
    assert len(lines) == 1 + 5 + 2 * 3 + 1
    at = lines[0].split().index("loss") - len(lines[0].split())  # from the right
    loss = metrics(64)["loss"][-1]
    kept = np.delete(np.arange(64), [3, 40])
    for line, group in ((lines[6], kept[kept < 32]), (lines[9], kept[kept >= 32])):
        assert line.split()[at] == f"{loss[group].min():.4g}"
        assert "31 finished, 1 diverged" in line
    medians = [line.split()[at] for line in lines if " median " in line]
    wanted = [np.median(loss[kept[kept < 32]]), np.median(loss[kept[kept >= 32]])]
    assert medians == [f"{value:.4g}" for value in wanted]
    assert ["0..31" in lines[6], "32..63" in lines[9]] == [True, True]


@pytest.mark.parametrize("size", [FEW_MEMBERS, FEW_MEMBERS + 1])
def test_few_members_are_printed_one_by_one(tmp_path, capsys, size):
    write_run(tmp_path / "0_a", size)
    collect(tmp_path)
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len(lines) == (1 + FEW_MEMBERS if size == FEW_MEMBERS else 1 + 3 + 1)


def test_runs_of_one_member_are_printed_without_its_number(sweep, capsys):
    collect(sweep)
    header = capsys.readouterr().out.split()
    assert "member" not in header
    assert "learning_rate" in header
    assert [row["member"] for row in rows(sweep)] == ["0", "0", "0"]


def test_an_unfinished_ensemble_has_the_last_row_of_every_member(ensembles):
    for path in jobs(ensembles):
        (path / "result.json").unlink()
    assert not collect(ensembles)
    found = rows(ensembles)
    assert len(found) == 5 + 64 + 1
    assert {row["status"] for row in found} == {"unfinished"}
    assert [row["step"] for row in found[:5]] == ["1000", "1000", "300", "1000", "1000"]
    assert float(found[2]["loss"]) == metrics(5)["loss"][3, 2]
    assert (found[5 + 40]["step"], found[5 + 40]["loss"]) == ("", "")


@pytest.mark.parametrize("name", ["metrics.csv", "spectra.npz", "result.json"])
@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_a_damaged_ensemble_does_not_lose_the_table(ensembles, name, kept):
    for path in jobs(ensembles):
        text = (path / name).read_bytes()
        (path / name).write_bytes(text[: int(kept * len(text))])
    collect(ensembles)
    assert {row["run"] for row in rows(ensembles)} == {path.name for path in jobs(ensembles)}
    assert (ensembles / "comparison.png").exists()


@pytest.mark.parametrize("members", [[], 3, [3], {"a": 1}, [{"loss": "x", "learning_rate": [1]}]])
def test_a_result_with_a_strange_list_of_members_does_not_lose_the_table(ensembles, members):
    path = jobs(ensembles)[0] / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"members": members}))
    collect(ensembles)
    assert len(rows(ensembles)) == 1 + 64 + 1


def test_the_comparison_has_a_curve_for_every_learning_rate(ensembles, monkeypatch):
    drawn = []
    draw = figures.comparison_figure
    monkeypatch.setattr(figures, "comparison_figure", lambda runs: drawn.extend(runs) or draw(runs))
    collect(ensembles)
    labels = ["method=ad", "method=fd, lr = 0.001", "method=fd, lr = 0.0001", "method=fd_grid"]
    assert [run.label for run in drawn] == labels
    assert [run.loss.shape for run in drawn] == [(11, 5), (11, 32), (11, 32), (11, 1)]
    assert [run.spectrum.shape for run in drawn] == [(5, 12), (32, 12), (32, 12), (1, 12)]
    np.testing.assert_array_equal(drawn[2].loss, metrics(64, {3: 1, 40: 0})["loss"][:, 32:])


def test_the_summary_of_one_run_fits_on_a_screen(ensembles):
    five, many, one = (summary(path).splitlines() for path in jobs(ensembles))
    assert sum(line.split()[:2] == ["2", "2"] and "diverged" in line for line in five) == 1
    assert all(len(lines) < 24 for lines in (five, many, one))
    assert "result.json" in "".join(many)
    assert any(line.startswith("learning_rate ") for line in one)
    assert not any(line.startswith("member") for line in one)
