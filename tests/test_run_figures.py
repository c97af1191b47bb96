"""The figures of a run are drawn from what it left on disk, whatever state that is in."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from ensembles import write_run, write_solve

from pinnspectra.commands.figures import main
from pinnspectra.runs.files import read_json
from pinnspectra.runs.folder import SWEEP, RunFolder
from pinnspectra.runs.found import run_at
from pinnspectra.runs.record import Run
from pinnspectra.show.figures.of_runs import comparison_figures, draw_run, run_figures

FIGURES = {"loss", "solution", "eigenvalues", "entropy", "entropy_loss"}


def write_solution(path: Path, size: int, lost: Mapping[int, int]) -> None:
    x = np.linspace(-1, 1, 20)[:, None]
    u = x[:, 0] + np.linspace(-0.1, 0.1, size)[:, None]
    u[list(lost)] = np.nan
    RunFolder(path, "poisson1d", "fd", "").write_arrays(
        "solution.npz", points=x, solution=u, exact=x[:, 0]
    )


def drawn(path: Path) -> set[str]:
    """The figures that a run in a folder draws when it ends."""
    draw_run(RunFolder(path, "poisson1d", "fd", ""), read_json(path / "result.json"))
    return {file.stem for file in (path / "figures").glob("*.png")}


@pytest.mark.parametrize(
    ("size", "lost", "rates"),
    [(1, {}, [1e-3]), (5, {2: 4, 4: 0}, [1e-3]), (64, {3: 1}, [1e-3, 1e-4])],
)
def test_all_figures_of_an_ensemble_are_drawn(tmp_path, caplog, size, lost, rates):
    write_run(tmp_path, size, lost, rates)
    write_solution(tmp_path, size, lost)
    assert drawn(tmp_path) == FIGURES
    assert not caplog.records


def test_a_run_without_a_solution_has_the_other_figures(tmp_path):
    write_run(tmp_path, 2, {0: 3, 1: 5})
    assert drawn(tmp_path) == FIGURES - {"solution"}


def test_what_is_missing_or_damaged_takes_no_other_figure_with_it(tmp_path):
    write_run(tmp_path, 5)
    write_solution(tmp_path, 5, {})
    (tmp_path / "spectra.npz").write_bytes(b"PK\x03\x04 cut short")
    assert drawn(tmp_path) == FIGURES - {"eigenvalues"}
    np.savez(tmp_path / "solution.npz", points=1, solution=2, exact=3)
    assert set(run_figures(run_at(tmp_path, ""))) == FIGURES - {"eigenvalues", "solution"}
    (tmp_path / "other").mkdir()
    assert drawn(tmp_path / "other") == set()


def test_a_table_without_the_rows_of_spectra_has_the_other_figures(tmp_path):
    write_run(tmp_path, 2)
    table = (tmp_path / "metrics.csv").read_text().replace("spectrum/loss", "other", 1)
    (tmp_path / "metrics.csv").write_text(table)
    assert set(run_figures(run_at(tmp_path, ""))) == FIGURES - {"solution", "entropy_loss"}


def solve(path: Path, **other: object) -> Run:
    """A solve's folder, of arrays that make sense but for others."""
    write_solve(path, **other)
    return Run(path, path.name, {"method": "fd", "cutoff": 1e-5, "truncation_position": 4})


def test_a_damaged_solve_takes_no_comparison_with_it(tmp_path):
    runs = [solve(tmp_path / "a"), solve(tmp_path / "b", floor=np.ones(20))]
    assert run_figures(runs[1]) == comparison_figures(runs[1:]) == {}
    comparison_figures(runs)["comparison_rfm"]()


@pytest.fixture
def sweep(tmp_path):
    """Two runs of a sweep, the second of which ended before its result was written."""
    folder = tmp_path / "sweep"
    for i, method in enumerate(("ad", "fd")):
        write_run(folder / f"{i}", method=method, overrides=[f"method={method}"])
    (folder / SWEEP).touch()
    (folder / "1" / "result.json").unlink()
    return folder


def files(folder: Path) -> set[str]:
    found = [path for path in folder.rglob("*") if path.suffix in (".png", ".pdf", ".svg")]
    return {str(path.relative_to(folder)) for path in found}


def test_the_command_draws_every_run_and_the_comparison(sweep, capsys):
    assert main([str(sweep), "--format", "svg"]) == 0
    of_runs = {f"{i}/figures/{name}.svg" for i in range(2) for name in FIGURES - {"solution"}}
    assert files(sweep) == {"comparison.svg", *of_runs}
    first, second, last = capsys.readouterr().out.splitlines()
    assert all(name in first for name in (f"{sweep}/0/figures", "eigenvalues", "svg"))
    assert f"{sweep}/1/figures" in second
    assert all(name in last for name in (f"{sweep}:", "comparison", "svg"))


def test_the_command_draws_what_it_can_and_says_what_is_damaged(sweep, capsys):
    for name in ("metrics.csv", "spectra.npz"):
        (sweep / "0" / name).write_bytes(b"PK\x03\x04 cut short\n")
    assert main([str(sweep / "0"), "--format", "png"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert f"{sweep}/0/metrics.csv" in first
    assert f"{sweep}/0/spectra.npz" in second
    assert files(sweep) == set()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["nowhere"], "nowhere"), (["nowhere", "--format", "pdf,jpg"], "'jpg'"), ([], "DIR")],
)
def test_a_mistake_is_told_in_one_line(arguments, word, capsys):
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert word in line


def test_a_figure_that_cannot_be_drawn_takes_no_other_with_it(sweep, monkeypatch, caplog):
    monkeypatch.setattr("pinnspectra.show.figures.loss_figure", None)
    assert main([str(sweep / "1"), "--format", "svg"]) == 1
    assert files(sweep) == {f"1/figures/{n}.svg" for n in FIGURES - {"solution", "loss"}}
    (record,) = caplog.records
    assert "loss.svg" in record.getMessage()
