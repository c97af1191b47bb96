"""The figures of a run are drawn from what it left on disk, whatever state that is in."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from ensembles import write_run

from pinnspectra.run_folder import RunFolder
from pinnspectra.training.outcome import draw_figures

FIGURES = {"loss", "solution", "eigenvalues", "entropy", "entropy_loss"}


def trained(size: int, lost: dict[int, int], rates: list[float]) -> Any:
    """What draw_figures asks of a module that has been trained."""
    x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    u = x[:, 0] + torch.linspace(-0.1, 0.1, size, dtype=torch.float64)[:, None]
    u[list(lost)] = torch.nan
    status = "diverged" if len(lost) == size else "finished"
    each = [rates[i * len(rates) // size] for i in range(size)]
    solution = (x, u, x[:, 0])
    return SimpleNamespace(status=status, learning_rates=each, solution=lambda: solution)


def drawn(path, module) -> set[str]:
    draw_figures(cast(Any, module), RunFolder(path, "poisson1d", "fd", ""), 1e-5)
    return {file.stem for file in (path / "figures").glob("*.png")}


@pytest.mark.parametrize(
    ("size", "lost", "rates"),
    [(1, {}, [1e-3]), (5, {2: 4, 4: 0}, [1e-3]), (64, {3: 1}, [1e-3, 1e-4])],
)
def test_all_figures_of_an_ensemble_are_drawn(tmp_path, caplog, size, lost, rates):
    write_run(tmp_path, size, lost, rates)
    assert drawn(tmp_path, trained(size, lost, rates)) == FIGURES
    assert not caplog.records


def test_an_ensemble_that_diverged_has_no_solution(tmp_path):
    lost = {0: 3, 1: 5}
    write_run(tmp_path, 2, lost)
    assert drawn(tmp_path, trained(2, lost, [1e-3])) == FIGURES - {"solution"}


def test_what_is_missing_or_damaged_takes_no_other_figure_with_it(tmp_path):
    write_run(tmp_path, 5)
    (tmp_path / "spectra.npz").write_bytes(b"PK\x03\x04 cut short")
    assert drawn(tmp_path, trained(5, {}, [1e-3])) == {"loss", "solution"}
    (tmp_path / "other").mkdir()
    assert drawn(tmp_path / "other", trained(5, {}, [1e-3])) == set()
