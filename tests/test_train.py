"""train.py, seen from outside: what a sweep of AD and FD leaves behind."""

import json

import numpy as np
import pytest
import torch
from scripts import SMALL, run_folders, run_here, run_script
from wandb_records import logged, table

from pinnspectra.runs.files import read_arrays, read_metrics
from pinnspectra.runs.found import run_at
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.dashboard.charts import CHARTS
from pinnspectra.show.dashboard.tables import CURVES, FIGURE_NAMES, FIGURES, SPECTRA
from pinnspectra.show.dashboard.workspace import sections
from pinnspectra.show.figures import save
from pinnspectra.show.figures.of_runs import run_figures
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values

NOT_TRAINED = {"run", "member", "relative_training_error_ad", "truncation_position"}
"""Quantities of sweeps, ensembles and random features."""

STEPS = [0, 50, 100, 150, 200, 250]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """What a sweep printed, and the folders of its two runs."""
    cwd = tmp_path_factory.mktemp("sweep")
    done = run_script(
        "train.py", "-m", "method=ad,fd", "pde=biharmonic", "points.per_axis=40", "model.width=20",
        "max_steps=250", "log_every=100", "spectrum.every=50", "seed=3", cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done, run_folders(cwd)


@pytest.fixture(scope="module", params=["ad", "fd"])
def run(request, sweep):
    """The folder of a run, its result, metrics and spectra."""
    folder = sweep[1][["ad", "fd"].index(request.param)]
    result = json.loads((folder / "result.json").read_text())
    assert result["method"] == request.param
    return folder, result, read_metrics(folder / "metrics.csv"), read_arrays(folder / "spectra.npz")


def test_a_sweep_has_one_folder_a_job_and_ends_with_its_table(sweep):
    done, folders = sweep
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("method=")]
    assert rows[:2] == ["method=ad", "method=fd"]
    assert "AD against FD, 1 pair" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("see ")
    assert (folders[0].parent / "summary.csv").exists()
    assert (folders[0].parent / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_result_json_holds_every_quantity_and_the_last_row(run):
    _, result, metrics, _ = run
    assert result.keys() >= {*QUANTITIES, "versions"} - NOT_TRAINED
    assert (result["status"], result["seed"], result["step"]) == ("finished", 3, 250)
    for quantity in QUANTITIES.values():
        if quantity.metric:
            assert result[quantity.key] == metrics[quantity.metric][-1], quantity.key
    assert result["cutoff"] == 1e-2  # Fig. 6c
    weighted = result["loss_interior"] + 100 * result["loss_boundary"]
    assert result["loss"] == pytest.approx(weighted, rel=1e-6)


def test_rows_and_spectra_fall_on_the_asked_gradient_steps(run):
    _, _, metrics, spectra = run
    assert metrics["step"].tolist() == spectra["steps"].tolist() == STEPS
    assert np.isfinite(metrics["loss"]).all()
    assert (spectra["truncated_entropy"][:, 0] == metrics["spectrum/truncated_entropy"]).all()


def test_spectra_hold_e_and_h_of_their_eigenvalues(run):
    spectra = run[-1]
    np.testing.assert_allclose(spectra["eigenvalues"], spectra["singular_values"] ** 2)
    assert spectra["eigenvalues"].shape == (6, 1, 40)
    eigenvalues = torch.tensor(spectra["eigenvalues"])
    assert (spectra["effective_cutoff"] == effective_cutoff(eigenvalues, 1e-2).numpy()).all()
    assert (spectra["truncated_entropy"] == truncated_entropy(eigenvalues, 1e-2).numpy()).all()


def test_float32_fd_believes_a_loss_that_is_not_true(sweep):
    ad, fd = (read_metrics(folder / "metrics.csv") for folder in sweep[1])
    np.testing.assert_allclose(ad["loss/interior"], ad["loss/interior_ad64"], rtol=1e-4)
    assert (np.abs(fd["loss/interior"] / fd["loss/interior_ad64"] - 1) > 0.1).any()
    assert fd["loss/interior_ad64"][0] == ad["loss/interior_ad64"][0]  # the same initial network


def test_the_last_checkpoint_is_the_network_of_the_last_row(run):
    folder, _, metrics, _ = run
    kept = torch.load(folder / "checkpoints" / "step=250.ckpt", weights_only=True)["state_dict"]
    theta = {name.removeprefix("theta."): value[0].double() for name, value in kept.items()}
    w, b, a = theta["weights_1"][:, 0], theta["biases_1"], theta["coefficients"]
    x = -1 + torch.arange(1, 41, dtype=torch.float64)[:, None] / 20
    residual = torch.sin(w * x + b) @ (a * w**4) - torch.exp(x[:, 0])
    loss = float(residual.square().mean())
    assert metrics["loss/interior_ad64"][-1] == pytest.approx(loss, rel=1e-12)


def test_figures_drawn_again_from_the_folder_are_the_same(run, tmp_path):
    folder = run[0]
    made = run_figures(run_at(folder, ""))
    assert {path.stem for path in (folder / "figures").glob("*.png")} == made.keys()
    assert made.keys() == set(FIGURE_NAMES)
    for name, make in made.items():
        save(make(), tmp_path / "again.png")
        at_the_end = (folder / "figures" / f"{name}.png").read_bytes()
        assert (tmp_path / "again.png").read_bytes() == at_the_end


def test_the_solution_that_is_written_has_the_error_of_the_result(run):
    folder, result, *_ = run
    arrays = read_arrays(folder / "solution.npz")
    (u,), exact = arrays["solution"], arrays["exact"]
    assert arrays["points"].shape == (40, 1)
    error = np.linalg.norm(u - exact) / np.linalg.norm(exact)
    assert result["relative_l2_error"] == pytest.approx(error, rel=1e-12)


@pytest.fixture
def wandb_run(run):
    """The one W&B run of a run."""
    (found,) = logged(run[0])
    return found


def test_every_job_is_a_wandb_run_of_the_sweeps_group_named_by_its_own_overrides(sweep):
    runs = [one.run for folder in sweep[1] for one in logged(folder)]
    assert [run["display_name"] for run in runs] == ["method=ad", "method=fd"]
    assert {run["run_group"] for run in runs} == {sweep[1][0].parent.name}
    assert [run["tags"] for run in runs] == [["ad", "biharmonic"], ["biharmonic", "fd"]]
    assert [run["job_type"] for run in runs] == ["train", "train"]
    assert runs[0]["run_id"] != runs[1]["run_id"]


def test_wandb_has_the_rows_of_metrics_csv_and_a_histogram_of_every_spectrum(run, wandb_run):
    metrics = run[2]
    assert wandb_run.steps == metrics["step"].tolist()
    for name in metrics.keys() - {"step", "member"}:
        assert [row[name] for row in wandb_run.rows] == metrics[name].tolist()
    assert wandb_run.axes == {"spectrum/loss": "spectrum/truncated_entropy"}
    counts = [row["spectrum/log10_eigenvalues.values"] for row in wandb_run.rows]
    assert [sum(count) for count in counts] == [40] * 6


def test_the_configuration_in_wandb_is_flat_and_resolved(run, wandb_run):
    assert not any(isinstance(value, dict) for value in wandb_run.config.values())
    wanted = {
        "pde": "biharmonic", "method": run[1]["method"], "model.width": 20, "seed": 3,
        "optimizer.lr": 1e-4, "spectrum.cutoff": 1e-2, "points.spacing": 0.05,
    }  # fmt: skip
    assert {key: wandb_run.config[key] for key in wanted} == wanted


def test_wandb_has_the_spectra_as_a_table(run, wandb_run):
    folder, result, _, spectra = run
    columns, rows = table(folder, "spectra")
    assert columns == list(SPECTRA.columns)
    assert wandb_run.rows[-1]["spectra.nrows"] == len(rows) == 6 * 40
    by_name = {name: [row[columns.index(name)] for row in rows] for name in columns}
    assert by_name["step"] == np.repeat(STEPS, 40).tolist()
    assert by_name["index"] == [*range(1, 41)] * 6
    np.testing.assert_array_equal(by_name["eigenvalue"], spectra["eigenvalues"].ravel())
    np.testing.assert_array_equal(by_name["singular_value"], spectra["singular_values"].ravel())
    assert by_name["floor"][: 5 * 40] == [None] * 200
    np.testing.assert_array_equal(by_name["floor"][5 * 40 :], spectra["floor"][0])
    assert set(by_name["method"]) == {result["method"]}


def test_wandb_has_loss_and_entropy_as_a_table(run, wandb_run):
    folder, result, metrics, _ = run
    columns, rows = table(folder, "curves")
    names = ("step", "loss", "spectrum/truncated_entropy", "spectrum/effective_cutoff")
    wanted = zip(*(metrics[name].tolist() for name in names), strict=True)
    assert columns == list(CURVES.columns)
    assert rows == [[0, *row, result["method"]] for row in wanted]
    assert wandb_run.rows[-1]["curves.nrows"] == 6


def test_wandb_has_the_figures_beside_the_last_row(run, wandb_run):
    *earlier, last = wandb_run.rows
    found = {key[:-6] for key in last if key.startswith(FIGURES) and "_type" in key}
    assert found == {f"{FIGURES}{name}" for name in FIGURE_NAMES}
    assert not any(key.startswith(FIGURES) for row in earlier for key in row)
    (images,) = run[0].glob("wandb/offline-run-*/files/media/images/figures")
    loss = next(images.glob("loss_250_*.png"))
    assert loss.read_bytes() == (run[0] / "figures" / "loss.png").read_bytes()


def test_the_dashboard_asks_for_nothing_that_a_run_does_not_log(wandb_run):
    metrics = [name for panels in sections().values() for p in panels for name in shown(p)]
    assert len(metrics) > 10
    figures = [f"{FIGURES}{name}" for name in FIGURE_NAMES]
    assert wandb_run.keys >= {*metrics, *figures, *(chart.table.key for chart in CHARTS)}


def shown(panel):
    """The metrics that a panel of the workspace asks for."""
    given = [panel.x, *(panel.y if isinstance(panel.y, list) else [panel.y])]
    return [name for one in given if (name := getattr(one, "name", one)) != "Step"]


def test_progress_in_a_file_is_plain_lines(sweep):
    done, _ = sweep
    assert not {"\r", "\x1b"} & set(done.stderr)
    assert done.stderr.count("step 250/250  100%  loss ") == 2


def test_csv_alone_starts_no_wandb(tmp_path):
    trap = tmp_path / "trap"
    (trap / "wandb").mkdir(parents=True)
    (trap / "wandb" / "__init__.py").write_text("raise RuntimeError('wandb was imported')")
    done = run_script("train.py", *SMALL, "logger=[csv]", cwd=tmp_path, PYTHONPATH=str(trap))
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(tmp_path)
    assert not (folder / "wandb").exists()


@pytest.fixture
def trained(tmp_path, undrawn):
    """Runs train.py without W&B: what it printed, its exit code, its folder and its result."""

    def run(*overrides):
        cwd = tmp_path / str(len(list(tmp_path.iterdir())))
        cwd.mkdir()
        done = run_here("train.py", *SMALL, "logger=[csv]", *overrides, cwd=cwd)
        printed = done.stdout + done.stderr
        (folder,) = run_folders(cwd)
        assert "Traceback" not in printed
        assert (folder / "result.json").exists(), printed
        return printed, done.returncode, folder, json.loads((folder / "result.json").read_text())

    return run


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_optimizers_lower_the_loss(trained, optimizer):
    _, code, folder, _ = trained(f"optimizer={optimizer}")
    loss = read_metrics(folder / "metrics.csv")["loss"]
    assert code == 0
    assert loss[-1] < loss[0]


def test_a_diverging_run_tells_where_and_keeps_what_was_logged(trained):
    printed, code, folder, result = trained("optimizer.lr=50")
    assert (code, result["status"], result["loss"]) == (1, "diverged", None)
    assert 0 < result["step"] < 20
    assert f"gradient step {result['step']}: lower optimizer.lr" in result["error"]
    assert f"error: {result['error']}\n" in printed
    assert read_metrics(folder / "metrics.csv")["step"].tolist() == [0]


def test_a_network_that_overflows_at_once_is_diverged_at_step_0(trained):
    _, code, _, result = trained("pde=biharmonic", "model.weight_range=1e20")
    assert (code, result["status"], result["step"]) == (1, "diverged", 0)
    assert "lower model.weight_range" in result["error"]


def test_a_job_that_is_refused_late_leaves_the_next_its_own_wandb_run(tmp_path):
    done = run_here("train.py", "-m", *SMALL, "trainer.accelerator=nonsense,cpu", cwd=tmp_path)
    refused, finished = run_folders(tmp_path)
    assert done.returncode == 1
    assert not list(refused.rglob("*.wandb"))
    assert len(list(finished.rglob("*.wandb"))) == 1


def test_no_callback_is_a_choice_too(trained):
    _, code, folder, result = trained("callbacks=[]")
    assert (code, result["truncated_entropy"]) == (0, None)
    assert not (folder / "spectra.npz").exists()


def test_tensorboard_is_an_option(trained):
    _, code, folder, _ = trained("logger=[csv,tensorboard]")
    assert code == 0
    assert list(folder.rglob("events.out.tfevents.*"))


def test_help_and_the_composed_config_need_no_torch(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    for arguments in (["--help"], ["--cfg", "job"]):
        done = run_script("train.py", *arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert "max_steps" in done.stdout


def test_a_member_that_a_method_can_no_longer_be_fitted_to_does_not_end_the_others(trained):
    _, code, _, result = trained(
        "pde=biharmonic", "method=fd_exact", "method.step=0.5", "method.renew_every=2",
        "ensemble.lr=[1e-4,0.5]",
    )  # fmt: skip
    good, bad = result["members"]
    assert (code, good["status"], bad["status"]) == (1, "finished", "diverged")
    assert result["error"].startswith("1 of 2 members diverged")
    assert good["loss"] < 10


def test_a_kernel_that_is_zero_is_told_and_has_no_effective_value(trained):
    # w^2 and w underflow in float32, so that no parameter moves u_xx
    printed, code, folder, result = trained("model.weight_range=1e-30")
    assert (code, result["effective_cutoff"], result["truncated_entropy"]) == (0, 0, 0)
    assert "the kernel is zero at step 20" in printed
    assert (read_arrays(folder / "spectra.npz")["eigenvalues"] == 0).all()


def test_a_spectrum_that_does_not_converge_is_null_and_told_and_the_run_goes_on(
    trained, monkeypatch
):
    def never(*args, **kwargs):
        raise np.linalg.LinAlgError("did not converge")

    for place in ("torch.linalg.svd", "torch.linalg.svdvals", "scipy.linalg.svd"):
        monkeypatch.setattr(place, never)
    monkeypatch.setattr(torch.linalg, "LinAlgError", np.linalg.LinAlgError)
    printed, code, _, result = trained("callbacks=[spectrum,theorem1]")
    assert (code, result["status"]) == (0, "finished")
    assert (result["effective_cutoff"], result["truncated_entropy"]) == (None, None)
    assert result["loss"] > 0
    for step in (0, 20):
        assert printed.count(f"no spectrum at step {step}: ") == 1
        assert printed.count(f"no modes at step {step}: ") == 1


def test_modes_of_a_method_that_differentiates_through_u_are_those_of_ad(trained):
    rates = []
    for method in ("ad", "nested_autograd"):
        more = f"method={method}", "callbacks=[theorem1]", "precision=float64"
        _, code, folder, _ = trained(*more)
        assert code == 0
        rates.append(read_metrics(folder / "metrics.csv")["theorem1/rate"])
    np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.parametrize("bad", [float("nan"), 1e200])  # 1e200 squared is no float64 number
def test_a_member_without_a_spectrum_leaves_the_others_theirs(trained, monkeypatch, bad):
    def spoiled(*args):
        sigma = kernel_singular_values(*args)
        sigma[1, 0] = bad
        return sigma

    place = "pinnspectra.training.callbacks.spectrum.kernel_singular_values"
    monkeypatch.setattr(place, spoiled)
    printed, code, folder, result = trained("ensemble.size=3")
    members = result["members"]
    assert code == 0
    assert [member["status"] for member in members] == ["finished"] * 3
    for key in ("truncated_entropy", "effective_cutoff"):
        assert [member[key] is None for member in members] == [False, True, False]
    entropy = read_arrays(folder / "spectra.npz")["truncated_entropy"]
    assert np.isnan(entropy[:, 1]).all()
    assert np.isfinite(entropy[:, ::2]).all()
    assert printed.count("no spectrum at step 20: ") == 1
