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

from pinnspectra.commands.results import main
from pinnspectra.runs.found import NoRunError, run_at
from pinnspectra.runs.quantities import QUANTITIES, shown
from pinnspectra.show import figures
from pinnspectra.show.tables.collect import collect
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


def change(path, **values):
    path = path / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def table(out):
    """The table that is printed below what ran, without the legend: its lines, the header first."""
    lines = [line for line in out.split("\n\n")[1].splitlines() if ": " not in line]
    assert len({len(line) for line in lines}) == 1  # aligned
    return lines


def columns(lines):
    """A table's texts by heading; no cell has two blanks in a row, nor is one empty."""
    cells = [line.split() for line in lines]
    return {name: [row[i] for row in cells[1:]] for i, name in enumerate(cells[0])}


def test_a_whole_sweep_is_one_row_a_run(sweep, capsys, undrawn):
    assert collect(sweep)
    found, seen = rows(sweep), columns(table(capsys.readouterr().out))
    assert list(found[0]) == list(QUANTITIES)
    assert [row["seed"] for row in found] == ["0", "1", "2"]
    for i, job in enumerate(jobs(sweep)):
        result = json.loads((job / "result.json").read_text())
        for key in ("loss_interior", "loss_interior_ad64", "relative_l2_error", "wall_seconds"):
            assert float(found[i][key]) == result[key]
            assert seen[QUANTITIES[key].heading][i] == shown(result[key], key)


def test_half_done_damaged_and_failed_runs_are_shown_as_such(sweep, undrawn):
    first, second, third = jobs(sweep)
    (first / "result.json").unlink()
    (second / "result.json").write_text('{"status": "finis')
    (third / "result.json").unlink()
    (third / ".hydra" / "overrides.yaml").write_text("- seed=[")
    (third / ".hydra" / "hydra.yaml").write_text("hydra: 5")
    for left_over in ("metrics.csv", "spectra.npz"):
        (third / left_over).unlink()
    text = (first / "metrics.csv").read_text()
    (first / "metrics.csv").write_text(text[: len(text) - 25])
    assert not collect(sweep)
    found = rows(sweep)
    assert [row["status"] for row in found] == ["unfinished"] * 3
    assert [row["pde"] for row in found] == ["poisson1d", "poisson1d", ""]
    assert [row["step"] for row in found] == ["900", "1000", ""]


def test_it_can_be_run_again_and_from_above(sweep, tmp_path, undrawn):
    assert main([str(sweep)]) == 0
    before = (sweep / "summary.csv").read_bytes()
    assert main([str(sweep)]) == 0
    assert (sweep / "summary.csv").read_bytes() == before
    assert main([str(tmp_path)]) == 0
    assert [row["run"] for row in rows(tmp_path)] == [f"sweep/{path.name}" for path in jobs(sweep)]


def test_jobs_are_in_the_order_of_their_numbers(sweep, undrawn):
    for number in (10, 9):
        shutil.copytree(jobs(sweep)[0], sweep / f"{number}_copy")
    collect(sweep)
    assert [int(row["run"].split("_")[0]) for row in rows(sweep)] == [0, 1, 2, 9, 10]


def test_a_folder_without_runs_is_told_in_one_line(sweep, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoRunError):
        collect(tmp_path / "empty")
    given = ("empty", "nowhere", "sweep/0_seed=0/result.json")
    for path in (tmp_path / name for name in given):
        assert main([str(path)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {path}")


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
    lines = table(capsys.readouterr().out)
    assert len(lines) == 1 + 3 + 2 * 3 + 1
    at = lines[0].split().index("true") - len(lines[0].split())  # from the right
    loss = metrics(64)["loss/interior_ad64"][-1]
    kept = np.delete(np.arange(64), [3, 40])
    for first, group in ((4, kept[kept < 32]), (7, kept[kept >= 32])):
        wanted = [across(loss[group]) for across in (np.min, np.median, np.max)]
        cells = [line.split() for line in lines[first : first + 3]]
        assert [cell[at] for cell in cells] == [f"{value:.3e}" for value in wanted]
        assert [cell[2] for cell in cells] == ["min", "median", "max"]
        assert "31 finished, 1 diverged" in lines[first]


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
@pytest.mark.parametrize("kept", [0, 0.99])
def test_a_damaged_ensemble_does_not_lose_the_table(ensembles, name, kept):
    for path in jobs(ensembles):
        text = (path / name).read_bytes()
        (path / name).write_bytes(text[: int(kept * len(text))])
    collect(ensembles)
    assert {row["run"] for row in rows(ensembles)} == {path.name for path in jobs(ensembles)}
    assert (ensembles / "comparison.png").exists()


def test_the_comparison_has_a_curve_for_every_learning_rate(ensembles, monkeypatch):
    drawn = []
    draw = figures.comparison_figure
    monkeypatch.setattr(
        figures,
        "comparison_figure",
        lambda runs, *more: drawn.extend(runs) or draw(runs, *more),
    )
    collect(ensembles)
    labels = ["method=ad", "method=fd, lr = 0.001", "method=fd, lr = 0.0001", "method=fd_grid"]
    assert [run.label for run in drawn] == labels
    assert [run.metrics["loss"].shape for run in drawn] == [(11, 5), (11, 32), (11, 32), (11, 1)]
    assert [run.spectrum.shape for run in drawn] == [(5, 12), (32, 12), (32, 12), (1, 12)]
    wanted = metrics(64, {3: 1, 40: 0})["loss"][:, 32:]
    np.testing.assert_array_equal(drawn[2].metrics["loss"], wanted)


def test_the_summary_of_one_run_fits_on_a_screen(ensembles):
    five, many, one = (summary(path).splitlines() for path in jobs(ensembles))
    assert sum(line.split()[:2] == ["2", "2"] and "diverged" in line for line in five) == 1
    assert all(len(lines) < 24 for lines in (five, many, one))
    assert all(len(line) <= 100 for lines in (five, many, one) for line in lines[:-1])
    assert "result.json" in "".join(many)
    assert not any(line.startswith("member") for line in one)


def test_the_summary_of_one_run_has_its_numbers_and_what_they_are(sweep, monkeypatch):
    path = jobs(sweep)[0]
    (row,), said = run_at(path).rows, summary(path)
    assert said.startswith("finished in 10.0 s at 100 steps/s: poisson1d, by fd, seed 0")
    for key in ("loss_interior", "loss_interior_ad64", "relative_l2_error", "truncated_entropy"):
        (line,) = [line for line in said.splitlines() if line.startswith(QUANTITIES[key].label)]
        assert shown(row[key], key) in line
    assert "at a = 1e-05" in line
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert said.splitlines()[-1] == f"see {path} ({size / 1e6:.1f} MB)"
    monkeypatch.chdir(sweep.parent)
    assert summary(path).splitlines()[-1].startswith("see sweep/0_seed=0 (")


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
    return folder


@pytest.mark.parametrize("terminal", [80, 100, 200])
def test_a_sweep_of_twelve_jobs_fits_on_a_screen(tmp_path, monkeypatch, capsys, terminal, undrawn):
    monkeypatch.setenv("COLUMNS", str(terminal))
    monkeypatch.chdir(write_methods(tmp_path / "sweep", 6))
    assert collect(tmp_path / "sweep")
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= terminal
    assert lines[0].startswith("12 runs, finished: poisson1d, float32, lr 0.001, 1000 steps, a = ")
    head, *rest = table(out)
    assert {"believed", "true", "L2_error", "e", "H", "seconds"} <= set(head.split())
    assert not {"seed", "member"} & set(head.split())  # told by the names; of ensembles alone
    assert [line.split()[:2] for line in rest] == [
        [f"method={m}", f"seed={s}"] for m in ("ad", "fd") for s in range(6)
    ]


def test_ad_against_fd_is_a_table_of_medians_and_ratios(tmp_path, capsys, undrawn):
    write_methods(tmp_path / "sweep", 3)
    for seed, true in enumerate((1.0, 2.0, 8.0)):
        change(tmp_path / "sweep" / f"fd_{seed}", loss_interior_ad64=true)
    collect(tmp_path / "sweep")
    lines = capsys.readouterr().out.split("\n\n")[2].splitlines()
    assert len({len(line) for line in lines}) == 1
    head, *cells = (line.split() for line in lines)
    assert head == ["AD", "against", "FD,", "3", "pairs,", "medians", "true", "L2_error", "H", "e"]
    by_ad = metrics(1)["loss/interior_ad64"][-1, 0]
    ratio = f"{2 / by_ad:.3f}" if 2 / by_ad < 100 else f"{2 / by_ad:.2e}"
    assert [line[:-3] for line in cells] == [
        ["ad", f"{by_ad:.3e}"],
        ["fd", "2.000e+00"],
        ["fd", "/", "ad", ratio],
    ]
    assert cells[2][-3:] == ["1.000"] * 3


def test_several_methods_are_a_ratio_each(tmp_path, capsys, undrawn):
    write_methods(tmp_path / "sweep", 2, ("ad", "fd", "fd_grid"))
    shutil.rmtree(tmp_path / "sweep" / "fd_grid_1")
    collect(tmp_path / "sweep")
    _, *lines = capsys.readouterr().out.split("\n\n")[2].splitlines()
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


def test_damage_is_a_line_each_and_the_rest_of_the_table_is_made(sweep, capsys, undrawn):
    first, second, _ = jobs(sweep)
    (first / "result.json").write_text('{"status": "finis')
    (second / "spectra.npz").write_bytes(b"PK")
    assert main([str(sweep)]) == 1
    said = capsys.readouterr()
    *damage, head, reason = said.err.splitlines()
    assert [line.split(" is damaged (")[0] for line in damage] == [
        f"error: {first}/result.json",
        f"error: {second}/spectra.npz",
    ]
    assert head.startswith("error: 1 of 3 runs")
    assert reason.split(":") == [f"  {first.name}", " result.json is damaged"]
    assert [row["status"] for row in rows(sweep)] == ["unfinished", "finished", "finished"]
    assert len(table(said.out)) == 4


def test_a_mixture_of_versions_is_one_line(sweep, capsys, undrawn):
    first, second, _ = jobs(sweep)
    versions = json.loads((first / "result.json").read_text())["versions"]
    change(first, versions=versions | {"torch": "2.1"})
    change(second, versions=None)
    assert main([str(sweep)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("note: ")
    assert "torch 2.1 (1 run), " in line
    assert "of no record (1 run)" in line
