"""The table and figure of all runs under a folder, whatever state the runs are in."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ensembles import metrics, write_run
from scripts import run_folders, run_here

from pinnspectra.commands.results import main
from pinnspectra.show import figures
from pinnspectra.show.tables.collect import NoRunError, collect
from pinnspectra.show.tables.condensed import MOST_ROWS
from pinnspectra.show.tables.summary import summary


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


def table(out):
    """The table that is printed below what ran, without the legend: its lines, the header first."""
    lines = out.split("\n\n")[1].splitlines()
    return [line for line in lines if ": " not in line]


def columns(lines):
    """A table's texts by heading; no cell has two blanks in a row, nor is one empty."""
    cells = [line.split() for line in lines]
    return {name: [row[i] for row in cells[1:]] for i, name in enumerate(cells[0])}


def test_a_whole_sweep_is_one_row_a_run(sweep, capsys, undrawn):
    assert collect(sweep)
    lines = table(capsys.readouterr().out)
    assert len({len(line) for line in lines}) == 1  # aligned
    assert [row["seed"] for row in rows(sweep)] == ["0", "1", "2"]
    results = [json.loads((job / "result.json").read_text()) for job in jobs(sweep)]
    assert float(rows(sweep)[1]["loss"]) == results[1]["loss"]
    assert float(rows(sweep)[1]["truncated_entropy"]) == results[1]["truncated_entropy"]
    shown = columns(lines)
    assert shown["true"] == [f"{result['loss_interior_ad64']:.3e}" for result in results]
    assert shown["believed"] == [f"{result['loss_interior']:.3e}" for result in results]
    assert shown["L2_error"] == [f"{result['relative_l2_error']:.3e}" for result in results]
    assert shown["seconds"] == ["10.0"] * 3


def test_half_done_damaged_and_failed_runs_are_shown_as_such(sweep, undrawn):
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


def test_a_metrics_file_cut_short_does_not_lose_the_table(sweep, undrawn):
    first, *_ = jobs(sweep)
    (first / "result.json").unlink()
    text = (first / "metrics.csv").read_text()
    (first / "metrics.csv").write_text(text[: len(text) - 25])
    (first / "spectra.npz").write_bytes(b"PK\x03\x04 cut short")
    assert not collect(sweep)
    assert rows(sweep)[0]["step"] == "900"


@pytest.mark.parametrize("damaged", ["", "hydra: {runtime: ", "3", "hydra: 5"])
def test_a_damaged_hydra_file_does_not_lose_the_table(sweep, damaged, undrawn):
    first, *_ = jobs(sweep)
    (first / "result.json").unlink()
    (first / ".hydra" / "hydra.yaml").write_text(damaged)
    assert not collect(sweep)
    assert [row["status"] for row in rows(sweep)] == ["unfinished", "finished", "finished"]


def test_it_can_be_run_again_and_from_above(sweep, tmp_path, capsys, undrawn):
    assert main([str(sweep)]) == 0
    before = (sweep / "summary.csv").read_bytes()
    assert main([str(sweep)]) == 0
    assert (sweep / "summary.csv").read_bytes() == before
    assert main([str(tmp_path)]) == 0
    assert [row["run"] for row in rows(tmp_path)] == [f"sweep/{path.name}" for path in jobs(sweep)]


def test_jobs_are_in_the_order_of_their_numbers(sweep, undrawn):
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
    done = run_here(
        "rfm_solve.py", "-m", "method=ad,fd", "model.width=20", "points.per_axis=20", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    folder = run_folders(tmp_path)[0].parent
    assert (folder / "comparison_rfm.png").exists()
    assert [row["method"] for row in rows(folder)] == ["ad", "fd"]


def test_an_ensemble_is_one_row_a_member(ensembles, undrawn):
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


def test_an_ensemble_is_finished_where_all_members_are(tmp_path, undrawn):
    write_run(tmp_path, 4)
    assert collect(tmp_path)


def test_many_members_are_printed_as_minimum_median_and_maximum(ensembles, capsys, undrawn):
    collect(ensembles)
    out = capsys.readouterr().out
    assert "members: min, median, max of each column, without diverged ones" in out
    lines = table(out)
    assert len({len(line) for line in lines}) == 1  # aligned
    assert len(lines) == 1 + 3 + 2 * 3 + 1
    at = lines[0].split().index("true") - len(lines[0].split())  # from the right
    loss = metrics(64)["loss/interior_ad64"][-1]
    kept = np.delete(np.arange(64), [3, 40])
    for line, group in ((lines[4], kept[kept < 32]), (lines[7], kept[kept >= 32])):
        assert line.split()[at] == f"{loss[group].min():.3e}"
        assert "31 finished, 1 diverged" in line
    medians = [line.split()[at] for line in lines[4:] if " median " in line]
    wanted = [np.median(loss[kept[kept < 32]]), np.median(loss[kept[kept >= 32]])]
    assert medians == [f"{value:.3e}" for value in wanted]


@pytest.mark.parametrize("size", [MOST_ROWS, MOST_ROWS + 1])
def test_members_that_fit_on_a_screen_are_printed_one_by_one(tmp_path, capsys, size, undrawn):
    write_run(tmp_path / "0_a", size)
    collect(tmp_path)
    assert len(table(capsys.readouterr().out)) == 1 + (size if size == MOST_ROWS else 3)


def test_the_members_of_many_runs_are_printed_as_their_median(tmp_path, capsys, undrawn):
    for i in range(10):
        write_run(tmp_path / f"{i}_a", 5)
    collect(tmp_path)
    lines = table(capsys.readouterr().out)
    assert [" median " in line for line in lines] == [False] + 10 * [True]


def test_runs_of_one_member_are_printed_without_its_number(sweep, capsys, undrawn):
    collect(sweep)
    assert "member" not in table(capsys.readouterr().out)[0]
    assert [row["member"] for row in rows(sweep)] == ["0", "0", "0"]


def test_an_unfinished_ensemble_has_the_last_row_of_every_member(ensembles, undrawn):
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
def test_a_result_with_a_strange_list_of_members_does_not_lose_the_table(
    ensembles, members, undrawn
):
    path = jobs(ensembles)[0] / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"members": members}))
    collect(ensembles)
    assert {row["run"] for row in rows(ensembles)} == {path.name for path in jobs(ensembles)}


def test_the_comparison_has_a_curve_for_every_learning_rate(ensembles, monkeypatch):
    drawn = []
    draw = figures.comparison_figure
    monkeypatch.setattr(
        figures, "comparison_figure", lambda runs, *more: drawn.extend(runs) or draw(runs, *more)
    )
    collect(ensembles)
    labels = ["method=ad", "method=fd, lr = 0.001", "method=fd, lr = 0.0001", "method=fd_grid"]
    assert [run.label for run in drawn] == labels
    assert [run.metrics["loss"].shape for run in drawn] == [(11, 5), (11, 32), (11, 32), (11, 1)]
    assert [run.spectrum.shape for run in drawn] == [(5, 12), (32, 12), (32, 12), (1, 12)]
    np.testing.assert_array_equal(
        drawn[2].metrics["loss"], metrics(64, {3: 1, 40: 0})["loss"][:, 32:]
    )


def test_the_summary_of_one_run_fits_on_a_screen(ensembles):
    five, many, one = (summary(path).splitlines() for path in jobs(ensembles))
    assert sum(line.split()[:2] == ["2", "2"] and "diverged" in line for line in five) == 1
    assert all(len(lines) < 24 for lines in (five, many, one))
    assert all(len(line) <= 100 for lines in (five, many, one) for line in lines[:-1])
    assert "result.json" in "".join(many)
    assert not any(line.startswith("member") for line in one)


def test_the_summary_of_one_run_has_its_numbers_and_what_they_are(sweep):
    path = jobs(sweep)[0]
    result = json.loads((path / "result.json").read_text())
    said = summary(path)
    assert said.startswith("finished in 10.0 s at 100 steps/s: poisson1d, by fd, seed 0")
    wanted = {
        "believed interior loss": f"{result['loss_interior']:.3e}  by fd",
        "true interior loss": f"{result['loss_interior_ad64']:.3e}  by ad in float64",
        "relative L2 error of u": f"{result['relative_l2_error']:.3e}",
        "truncated entropy H": "at a = 1e-05",
    }
    for name, value in wanted.items():
        (line,) = [line for line in said.splitlines() if line.startswith(name)]
        assert line.endswith(value)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert said.splitlines()[-1] == f"see {path} ({size / 1e6:.1f} MB)"


def test_a_path_below_the_working_directory_is_said_as_it_is_called_there(
    sweep, monkeypatch, capsys, undrawn
):
    monkeypatch.chdir(sweep.parent)
    assert main(["sweep"]) == 0
    assert "\nsee sweep: summary.csv\n" in capsys.readouterr().out
    assert summary(jobs(sweep)[0]).splitlines()[-1].startswith("see sweep/0_seed=0 (")


def write_methods(folder, seeds, methods=("ad", "fd")):
    """A sweep over methods and seeds, with its configurations; long names of what differs."""
    folder.mkdir()
    (folder / "multirun.yaml").touch()
    for method in methods:
        for seed in range(seeds):
            overrides = [f"method={method}", f"seed={seed}", "pde=poisson1d"]
            path = folder / f"{method}_{seed}"
            write_run(path, method=method, seed=seed, overrides=overrides)
            text = f"method: {{_target_: {method}}}\nseed: {seed}\nmax_steps: 1000\n"
            (path / ".hydra" / "config.yaml").write_text(text + "precision: float32\n")


@pytest.mark.parametrize("terminal", [80, 100, 200])
def test_a_sweep_of_twelve_jobs_fits_on_a_screen(tmp_path, monkeypatch, capsys, terminal, undrawn):
    monkeypatch.setenv("COLUMNS", str(terminal))
    write_methods(tmp_path / "sweep", 6)
    monkeypatch.chdir(tmp_path)
    assert collect(tmp_path / "sweep")
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= terminal
    assert lines[0].startswith("12 runs, finished: poisson1d, float32, lr 0.001, 1000 steps, a = ")
    head, *rest = table(out)
    assert {"believed", "true", "L2_error", "e", "H", "seconds"} <= set(head.split())
    assert "seed" not in head.split()  # the names of the runs have it
    assert [line.split()[:2] for line in rest] == [
        [f"method={m}", f"seed={s}"] for m in ("ad", "fd") for s in range(6)
    ]


def test_ad_against_fd_is_a_table_of_medians_and_ratios(tmp_path, capsys, undrawn):
    write_methods(tmp_path / "sweep", 3)
    for seed, true in enumerate((1.0, 2.0, 8.0)):
        path = tmp_path / "sweep" / f"fd_{seed}" / "result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"loss_interior_ad64": true}))
    collect(tmp_path / "sweep")
    lines = capsys.readouterr().out.split("\n\n")[2].splitlines()
    assert lines[0].split() == [
        *("AD", "against", "FD,", "3", "pairs,", "medians", "true", "L2_error", "H", "e"),
    ]
    by_ad = metrics(1)["loss/interior_ad64"][-1, 0]
    assert lines[1].split()[:2] == ["ad", f"{by_ad:.3e}"]
    assert lines[2].split()[:2] == ["fd", "2.000e+00"]
    ratio = f"{2 / by_ad:.3f}" if 2 / by_ad < 100 else f"{2 / by_ad:.2e}"
    assert lines[3].split()[:4] == ["fd", "/", "ad", ratio]
    assert lines[3].split()[4:] == ["1.000"] * 3
    assert len({len(line) for line in lines}) == 1


def test_several_methods_are_a_ratio_each(tmp_path, capsys, undrawn):
    write_methods(tmp_path / "sweep", 2, ("ad", "fd", "fd_grid"))
    shutil.rmtree(tmp_path / "sweep" / "fd_grid_1")
    collect(tmp_path / "sweep")
    head, *lines = capsys.readouterr().out.split("\n\n")[2].splitlines()
    assert head.startswith("AD against others")
    assert [line.split("  ")[:2] for line in lines] == [
        ["fd / ad", "poisson1d, 2 pairs, medians"],
        ["fd_grid / ad", "poisson1d, 1 pair"],
    ]


def test_in_a_file_a_table_is_plain_text_of_a_hundred_columns(tmp_path):
    write_methods(tmp_path / "sweep", 1)
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    command = [sys.executable, "-m", "pinnspectra.results", "sweep", "--sort=loss"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=True)
    assert set(done.stdout) <= {*range(32, 127), ord("\n")}
    assert 80 < max(map(len, done.stdout.splitlines())) <= 100


def test_damage_is_a_line_each_and_the_rest_of_the_table_is_made(sweep, capsys):
    first, second, _ = jobs(sweep)
    (first / "result.json").write_text('{"status": "finis')
    (second / "spectra.npz").write_bytes(b"PK")
    assert main([str(sweep)]) == 1
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert lines[0].startswith(f"error: {first}/result.json is damaged (not JSON: line 1): ")
    assert lines[1].startswith(f"error: {second}/spectra.npz is damaged (not a whole .npz file): ")
    assert lines[2:] == [
        "error: 1 of 3 runs are not finished:",
        f"  {first.name}: result.json is damaged",
    ]
    assert [row["status"] for row in rows(sweep)] == ["unfinished", "finished", "finished"]
    assert len(table(said.out)) == 4
    assert (sweep / "comparison.png").exists()


def test_a_mixture_of_versions_is_one_line(sweep, capsys, undrawn):
    first, second, _ = jobs(sweep)
    for path, versions in ((first, {"torch": "2.1"}), (second, None)):
        result = json.loads((path / "result.json").read_text())
        kept = {k: v for k, v in result.items() if k != "versions"}
        new = {"versions": {**result["versions"], **versions}} if versions else {}
        (path / "result.json").write_text(json.dumps(kept | new))
    assert main([str(sweep)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: the runs were made by different versions: ")
    assert "torch 2.1 (1 run), " in line
    assert "of no record (1 run)" in line


def test_a_folder_that_is_not_there_and_a_file_are_told_in_one_line(sweep, tmp_path, capsys):
    path = sweep / "0_seed=0" / "result.json"
    for given, said in ((tmp_path / "nowhere", "no such folder"), (path, "is a file")):
        assert main([str(given)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {given}")
        assert said in line
