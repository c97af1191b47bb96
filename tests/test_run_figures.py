"""The figures of a run are drawn from what it left on disk, whatever state that is in."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from ensembles import write_run

from pinnspectra.run_figures import draw_run
from pinnspectra.run_folder import RunFolder, read_json

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
    assert drawn(tmp_path) == {"loss", "solution"}
    (tmp_path / "other").mkdir()
    assert drawn(tmp_path / "other") == set()
