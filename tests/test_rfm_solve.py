"""rfm_solve.py, seen from outside."""

import json

import numpy as np
import pytest
import torch
from scripts import choices, error_line, run_folders, run_here

from pinnspectra.runs.files import read_arrays
from pinnspectra.runs.found import run_at
from pinnspectra.show.figures import save
from pinnspectra.show.figures.of_runs import run_figures


def solve(cwd, *overrides):
    done = run_here("rfm_solve.py", *overrides, cwd=cwd)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(cwd)
    return json.loads((folder / "result.json").read_text()), folder


@pytest.mark.parametrize("method", choices("method"))
def test_every_method_solves(tmp_path, method):
    result, _ = solve(tmp_path, f"method={method}", "model.width=20", "points.per_axis=30")
    assert result["relative_training_error"] < 1e-3


def test_the_run_folder_of_a_random_feature_model(tmp_path):
    result, folder = solve(tmp_path, "pde=biharmonic", "model.width=40", "points.per_axis=60")
    spectrum = read_arrays(folder / "spectrum.npz")
    n = len(spectrum["truncation_position"])
    assert spectrum["singular_values"].shape == (40,)
    assert spectrum["truncation_position"].tolist() == list(range(1, n + 1))
    assert spectrum["relative_training_error"].shape == (n,)
    position = result["effective_cutoff"]
    assert result["relative_training_error"] == pytest.approx(
        spectrum["relative_training_error"][position - 1], rel=1e-6
    )
    assert result["status"] == "finished"
    names = {path.stem for path in (folder / "figures").glob("*.png")}
    assert names == {"singular_values", "truncation"}
    for name, make in run_figures(run_at(folder, "")).items():
        save(make(), tmp_path / "again.png")
        at_the_end = (folder / "figures" / f"{name}.png").read_bytes()
        assert (tmp_path / "again.png").read_bytes() == at_the_end


def test_an_automatic_cutoff_is_just_above_the_floor_and_keeps_the_training_error_honest(tmp_path):
    result, folder = solve(
        tmp_path, "pde=biharmonic", "method=fd", "spectrum.cutoff=auto", "method.step=0.005"
    )
    spectrum = read_arrays(folder / "spectrum.npz")
    sigma, floor = spectrum["singular_values"], spectrum["floor"]
    assert floor.shape == sigma.shape
    assert result["cutoff"] * sigma[0] == pytest.approx(1.3 * floor[0])
    assert result["truncation_position"] == (sigma > 1.3 * floor[0]).sum() < 10
    # what is left of the spectrum is the floor
    np.testing.assert_allclose(sigma[15:60] / floor[15:60], 1, atol=0.2)
    assert result["relative_training_error"] == pytest.approx(
        result["relative_training_error_ad"], rel=0.5
    )


@pytest.mark.parametrize("pde", choices("pde"))
def test_boundary_rows_make_the_solution_the_exact_one(tmp_path, pde):
    result, folder = solve(tmp_path, f"pde={pde}", "boundary_rows=true", "points.per_axis=24")
    assert result["relative_l2_error"] < 1e-5
    assert result["loss_boundary"] ** 0.5 < 1e-4
    assert (folder / "figures" / "solution.png").exists()
    arrays = read_arrays(folder / "solution.npz")
    (u,), exact = arrays["solution"], arrays["exact"]
    error = np.linalg.norm(u - exact) / np.linalg.norm(exact)
    assert error == pytest.approx(result["relative_l2_error"], rel=1e-9)
    curve = read_arrays(folder / "spectrum.npz")["relative_training_error"]
    used = result["truncation_position"]
    assert curve[used - 1] == pytest.approx(result["relative_training_error"], rel=1e-3)


def test_boundary_rows_leave_the_spectrum_alone(tmp_path):
    done = run_here(
        "rfm_solve.py", "-m", "model.width=30", "boundary_rows=false,true", cwd=tmp_path
    )
    assert done.returncode == 0
    spectra = [run_at(folder).solve.singular_values for folder in run_folders(tmp_path)]
    np.testing.assert_array_equal(*spectra)


@pytest.mark.parametrize(("step", "warned"), [(0.001, True), (0.3, False)])
def test_an_automatic_cutoff_above_all_but_one_value_is_said(tmp_path, step, warned):
    done = run_here(
        "rfm_solve.py", "pde=biharmonic", "method=fd", f"method.step={step}", "precision=float32",
        "spectrum.cutoff=auto", "model.width=20", "points.per_axis=20", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    said = "all singular values but the largest are rounding" in done.stdout + done.stderr
    assert said == warned


TINY = ("model.width=12", "points.per_axis=16")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model.weight_range=1e-200"], "zero in torch.float64, so that no coefficients solve"),
        (["model.weight_range=1e-200", "boundary_rows=true"], "take a larger model.weight_range"),
        (["model.weight_range=1e-30", "precision=float32"], "take precision=float64 or a larger"),
        (["model.weight_range=1e-200", "spectrum.cutoff=auto"], "the system matrix is zero"),
        (["model.weight_range=1e300"], "not finite in torch.float64: take a smaller model.weight"),
        (["model.weight_range=1e306", "method=fd", "spectrum.cutoff=auto"], "floor is not finite"),
    ],
)
def test_a_system_that_is_nothing_to_solve_is_refused_in_one_line(tmp_path, overrides, said):
    assert said in error_line(run_here("rfm_solve.py", *TINY, *overrides, cwd=tmp_path))
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.usefixtures("undrawn")
def test_what_is_not_finite_in_a_result_is_null_and_said(tmp_path):
    done = run_here("rfm_solve.py", *TINY, "method=fd", "model.weight_range=1e300", cwd=tmp_path)
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert done.returncode == 0
    lost = [key for key, value in result.items() if value is None and key not in ("step",)]
    assert lost == ["loss_interior_ad64", "relative_training_error_ad", "steps_per_second"]
    line = "null in result.json: loss_interior_ad64, relative_training_error_ad\n"
    assert (done.stdout + done.stderr).count(line) == 1


@pytest.mark.usefixtures("undrawn")
def test_one_feature_has_one_value_and_no_entropy(tmp_path):
    result, folder = solve(tmp_path, "model.width=1", "points.per_axis=16")
    assert (result["effective_cutoff"], result["truncated_entropy"]) == (1, 0)
    assert read_arrays(folder / "spectrum.npz")["singular_values"].shape == (1,)


@pytest.mark.usefixtures("undrawn")
def test_a_decomposition_that_does_not_converge_is_said_in_one_line(tmp_path, monkeypatch):
    def never(*args, **kwargs):
        raise np.linalg.LinAlgError("did not converge")

    (tmp_path / "ordinary").mkdir()
    expected, _ = solve(tmp_path / "ordinary", *TINY)
    monkeypatch.setattr(torch.linalg, "svd", never)
    monkeypatch.setattr(torch.linalg, "LinAlgError", np.linalg.LinAlgError)
    (tmp_path / "qr").mkdir()
    result, _ = solve(tmp_path / "qr", *TINY)  # QR iteration takes over
    assert result["truncation_position"] == expected["truncation_position"]
    assert result["loss"] == pytest.approx(expected["loss"], rel=1e-3)
    monkeypatch.setattr("scipy.linalg.svd", never)
    assert "converges" in error_line(run_here("rfm_solve.py", *TINY, cwd=tmp_path))


FIG3 = ("pde=poisson1d", "model.width=400", "points.per_axis=400", "spectrum.cutoff=1e-12")


@pytest.mark.parametrize(
    ("method", "low", "high"),
    # measured by independent prototypes; the paper prints 0.0866 for AD, 0.0056 for FD
    [("ad", 0.078, 0.080), ("fd", 0.005, 0.0095), ("fd_grid", 0.068, 0.071)],
)
def test_truncated_entropy_of_figure_3(tmp_path, method, low, high):
    result, _ = solve(tmp_path, *FIG3, f"method={method}")
    assert low <= result["truncated_entropy"] <= high


def test_rows_of_rounding_noise_fit_f_and_ad_shows_it(tmp_path):
    # biharmonic FD in float64: all 300 singular values are kept and fit f to 1e-9, while the same
    # coefficients have a residual many orders larger
    result, _ = solve(
        tmp_path, "pde=biharmonic", "method=fd", "model.width=300", "points.per_axis=300"
    )
    assert result["effective_cutoff"] == 300
    assert result["relative_training_error"] < 1e-6
    assert result["relative_training_error_ad"] > 1e3 * result["relative_training_error"]
