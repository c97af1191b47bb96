"""train.py, seen from outside: what a sweep of AD and FD leaves behind."""

import json

import numpy as np
import pytest
import torch
from scripts import SMALL, run_folders, run_here, run_script
from wandb_records import logged, table

from pinnspectra.runs.files import read_arrays, read_metrics
from pinnspectra.runs.found import run_at
from pinnspectra.show.dashboard.charts import CHARTS
from pinnspectra.show.dashboard.names import CURVES, FIGURE_NAMES, FIGURES, SPECTRA
from pinnspectra.show.dashboard.workspace import sections
from pinnspectra.show.figures import save
from pinnspectra.show.figures.of_runs import run_figures
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values

RESULT_KEYS = {
    "status", "pde", "method", "seed", "step", "loss", "loss_interior", "loss_boundary",
    "loss_interior_ad64", "relative_training_error", "relative_l2_error", "cutoff",
    "effective_cutoff", "truncated_entropy", "steps_per_second", "wall_seconds", "config_hash",
    "versions",
}  # fmt: skip


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    cwd = tmp_path_factory.mktemp("sweep")
    done = run_script(
        "train.py", "-m", "method=ad,fd", "pde=biharmonic", "points.per_axis=40", "model.width=20",
        "max_steps=250", "log_every=100", "spectrum.every=50", "seed=3", cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done, run_folders(cwd)


def last_checkpoint(folder, step):
    return torch.load(folder / "checkpoints" / f"step={step}.ckpt", weights_only=True)


def test_a_sweep_has_one_folder_a_job_and_ends_with_its_table(sweep):
    done, folders = sweep
    assert [json.loads((f / "result.json").read_text())["method"] for f in folders] == ["ad", "fd"]
    said = done.stdout[done.stdout.index("2 runs, finished: biharmonic, ") :]
    table = said[said.index("run ") :].splitlines()
    assert [line.split()[0] for line in table[1:3]] == ["method=ad", "method=fd"]
    assert "AD against FD, 1 pair" in said
    assert table[-1].startswith("see ")
    assert (folders[0].parent / "summary.csv").exists()
    assert (folders[0].parent / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_result_json_holds_the_contract_and_the_last_row(sweep):
    for folder in sweep[1]:
        result = json.loads((folder / "result.json").read_text())
        metrics = read_metrics(folder / "metrics.csv")
        assert result.keys() >= RESULT_KEYS
        assert (result["status"], result["seed"], result["step"]) == ("finished", 3, 250)
        assert result["loss"] == metrics["loss"][-1]
        assert result["loss_interior_ad64"] == metrics["loss/interior_ad64"][-1]
        assert result["cutoff"] == 1e-2  # Fig. 6c
        assert result["loss"] == pytest.approx(
            result["loss_interior"] + 100 * result["loss_boundary"], rel=1e-6
        )


def test_rows_fall_on_the_asked_gradient_steps(sweep):
    for folder in sweep[1]:
        metrics = read_metrics(folder / "metrics.csv")
        assert metrics["step"].tolist() == [0, 50, 100, 150, 200, 250]
        assert np.isfinite(metrics["loss"]).all()
        spectra = read_arrays(folder / "spectra.npz")
        assert spectra["steps"].tolist() == [0, 50, 100, 150, 200, 250]
        assert (spectra["truncated_entropy"][:, 0] == metrics["spectrum/truncated_entropy"]).all()


def test_spectra_hold_e_and_h_of_their_eigenvalues(sweep):
    for folder in sweep[1]:
        spectra = read_arrays(folder / "spectra.npz")
        np.testing.assert_allclose(spectra["eigenvalues"], spectra["singular_values"] ** 2)
        assert spectra["eigenvalues"].shape == (6, 1, 40)
        for i, eigenvalues in enumerate(torch.tensor(spectra["eigenvalues"][:, 0])):
            assert spectra["effective_cutoff"][i, 0] == effective_cutoff(eigenvalues, 1e-2)
            assert spectra["truncated_entropy"][i, 0] == truncated_entropy(eigenvalues, 1e-2)


def test_float32_fd_believes_a_loss_that_is_not_true(sweep):
    ad, fd = (read_metrics(folder / "metrics.csv") for folder in sweep[1])
    np.testing.assert_allclose(ad["loss/interior"], ad["loss/interior_ad64"], rtol=1e-4)
    assert (np.abs(fd["loss/interior"] / fd["loss/interior_ad64"] - 1) > 0.1).any()
    assert fd["loss/interior_ad64"][0] == ad["loss/interior_ad64"][0]  # the same initial network


def test_the_last_checkpoint_is_the_network_of_the_last_row(sweep):
    for folder in sweep[1]:
        theta = {
            name.removeprefix("theta."): value[0].double()
            for name, value in last_checkpoint(folder, 250)["state_dict"].items()
        }
        w, b, a = theta["weights_1"][:, 0], theta["biases_1"], theta["coefficients"]
        x = -1 + torch.arange(1, 41, dtype=torch.float64)[:, None] / 20
        residual = torch.sin(w * x + b) @ (a * w**4) - torch.exp(x[:, 0])
        metrics = read_metrics(folder / "metrics.csv")
        assert metrics["loss/interior_ad64"][-1] == pytest.approx(
            float(residual.square().mean()), rel=1e-12
        )


def test_figures_are_drawn(sweep):
    for folder in sweep[1]:
        names = {path.stem for path in (folder / "figures").glob("*.png")}
        assert names == {"loss", "eigenvalues", "entropy", "entropy_loss", "solution"}


def test_figures_drawn_again_from_the_folder_are_the_same(sweep, tmp_path):
    folder = sweep[1][0]
    for name, make in run_figures(run_at(folder, "")).items():
        save(make(), tmp_path / "again.png")
        at_the_end = (folder / "figures" / f"{name}.png").read_bytes()
        assert (tmp_path / "again.png").read_bytes() == at_the_end


def test_the_solution_that_is_written_has_the_error_of_the_result(sweep):
    for folder in sweep[1]:
        arrays = read_arrays(folder / "solution.npz")
        (u,), exact = arrays["solution"], arrays["exact"]
        assert arrays["points"].shape == (40, 1)
        error = np.linalg.norm(u - exact) / np.linalg.norm(exact)
        written = json.loads((folder / "result.json").read_text())["relative_l2_error"]
        assert written == pytest.approx(error, rel=1e-12)


@pytest.fixture(scope="module")
def wandb_runs(sweep):
    return [logged(folder) for folder in sweep[1]]


def test_every_job_is_a_wandb_run_of_the_sweeps_group_named_by_its_own_overrides(sweep, wandb_runs):
    assert [len(started) for started in wandb_runs] == [1, 1]
    runs = [started[0].run for started in wandb_runs]
    assert [run["display_name"] for run in runs] == ["method=ad", "method=fd"]
    assert {run["run_group"] for run in runs} == {sweep[1][0].parent.name}
    assert [run["tags"] for run in runs] == [["ad", "biharmonic"], ["biharmonic", "fd"]]
    assert [run["job_type"] for run in runs] == ["train", "train"]
    assert runs[0]["run_id"] != runs[1]["run_id"]


def test_wandb_has_the_rows_of_metrics_csv_at_their_gradient_steps(sweep, wandb_runs):
    for folder, (run,) in zip(sweep[1], wandb_runs, strict=True):
        metrics = read_metrics(folder / "metrics.csv")
        assert run.steps == metrics["step"].tolist()
        for name in metrics.keys() - {"step", "member"}:
            assert [row[name] for row in run.rows] == metrics[name].tolist()
        assert run.axes == {"spectrum/loss": "spectrum/truncated_entropy"}


def test_wandb_has_a_histogram_of_all_eigenvalues_at_every_spectrum(sweep, wandb_runs):
    for _, (run,) in zip(sweep[1], wandb_runs, strict=True):
        counts = [row["spectrum/log10_eigenvalues.values"] for row in run.rows]
        assert [sum(count) for count in counts] == [40] * 6


def test_the_configuration_in_wandb_is_flat_and_resolved(wandb_runs):
    for method, (run,) in zip(("ad", "fd"), wandb_runs, strict=True):
        assert not any(isinstance(value, dict) for value in run.config.values())
        wanted = {
            "pde": "biharmonic", "method": method, "model.width": 20, "seed": 3,
            "optimizer.lr": 1e-4, "spectrum.cutoff": 1e-2, "points.spacing": 0.05,
        }  # fmt: skip
        assert {key: run.config[key] for key in wanted} == wanted


def test_wandb_has_the_spectra_as_a_table(sweep, wandb_runs):
    for method, folder, (run,) in zip(("ad", "fd"), sweep[1], wandb_runs, strict=True):
        columns, rows = table(folder, "spectra")
        assert columns == list(SPECTRA.columns)
        assert run.rows[-1]["spectra.nrows"] == len(rows) == 6 * 40
        spectra = read_arrays(folder / "spectra.npz")
        by_name = {name: [row[columns.index(name)] for row in rows] for name in columns}
        assert by_name["step"] == np.repeat(spectra["steps"], 40).tolist()
        assert by_name["index"] == [*range(1, 41)] * 6
        np.testing.assert_array_equal(by_name["eigenvalue"], spectra["eigenvalues"].ravel())
        np.testing.assert_array_equal(by_name["singular_value"], spectra["singular_values"].ravel())
        assert by_name["floor"][: 5 * 40] == [None] * 200
        np.testing.assert_array_equal(by_name["floor"][5 * 40 :], spectra["floor"][0])
        assert set(by_name["method"]) == {method}


def test_wandb_has_loss_and_entropy_as_a_table(sweep, wandb_runs):
    for method, folder, (run,) in zip(("ad", "fd"), sweep[1], wandb_runs, strict=True):
        columns, rows = table(folder, "curves")
        metrics = read_metrics(folder / "metrics.csv")
        names = ("step", "loss", "spectrum/truncated_entropy", "spectrum/effective_cutoff")
        wanted = zip(*(metrics[name].tolist() for name in names), strict=True)
        assert columns == list(CURVES.columns)
        assert rows == [[0, *row, method] for row in wanted]
        assert run.rows[-1]["curves.nrows"] == 6


def test_wandb_has_the_figures_beside_the_last_row(sweep, wandb_runs):
    for folder, (run,) in zip(sweep[1], wandb_runs, strict=True):
        drawn = {f"figures/{path.stem}" for path in (folder / "figures").glob("*.png")}
        last = run.rows[-1]
        assert drawn == {key[:-6] for key in last if key.startswith("figures/") and "_type" in key}
        assert len(drawn) == 5
        (folder_of_images,) = folder.glob("wandb/offline-run-*/files/media/images/figures")
        loss = next(folder_of_images.glob("loss_250_*.png"))
        assert loss.read_bytes() == (folder / "figures" / "loss.png").read_bytes()
        assert not any(key.startswith("figures/") for row in run.rows[:-1] for key in row)


def test_the_dashboard_asks_for_nothing_that_a_run_does_not_log(wandb_runs):
    metrics = [name for ps in sections().values() for p in ps for name in shown(p)]
    assert len(metrics) > 10
    figures = [f"{FIGURES}{name}" for name in FIGURE_NAMES]
    asked = {*metrics, *figures, *(chart.table.key for chart in CHARTS)}
    for (run,) in wandb_runs:
        assert asked <= run.keys


def shown(panel):
    """The metrics that a panel of the workspace asks for."""
    given = [panel.x, *(panel.y if isinstance(panel.y, list) else [panel.y])]
    return [name for one in given if (name := getattr(one, "name", one)) != "Step"]


def test_progress_in_a_file_is_plain_lines(sweep):
    done, _ = sweep
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stderr.count("step 250/250  100%  loss ") == 2


def test_csv_alone_starts_no_wandb(tmp_path):
    trap = tmp_path / "trap"
    (trap / "wandb").mkdir(parents=True)
    (trap / "wandb" / "__init__.py").write_text("raise RuntimeError('wandb was imported')")
    done = run_script("train.py", *SMALL, "logger=[csv]", cwd=tmp_path, PYTHONPATH=str(trap))
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(tmp_path)
    assert not (folder / "wandb").exists()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
def test_optimizers_lower_the_loss(tmp_path, optimizer):
    done = run_here("train.py", *SMALL, f"optimizer={optimizer}", "logger=[csv]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(tmp_path)
    loss = read_metrics(folder / "metrics.csv")["loss"]
    assert loss[-1] < loss[0]


def test_a_diverging_run_says_where_and_keeps_what_was_logged(tmp_path):
    done = run_here("train.py", *SMALL, "optimizer.lr=50", "logger=[csv]", cwd=tmp_path)
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert done.returncode == 1
    assert result["status"] == "diverged"
    assert 0 < result["step"] < 20
    assert result["loss"] is None
    assert f"not finite at gradient step {result['step']}: lower optimizer.lr" in done.stderr
    assert f"error: {result['error']}\n" in done.stderr  # and the folder says it too
    assert "Traceback" not in done.stderr + done.stdout
    assert read_metrics(folder / "metrics.csv")["step"].tolist() == [0]


def test_a_network_that_overflows_at_once_is_diverged_at_step_0(tmp_path):
    done = run_here("train.py", *SMALL, "pde=biharmonic", "model.weight_range=1e20", "logger=[csv]",
                    cwd=tmp_path)  # fmt: skip
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert (done.returncode, result["status"], result["step"]) == (1, "diverged", 0)
    assert "at gradient step 0: lower model.weight_range" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_job_that_is_refused_late_leaves_the_next_its_own_wandb_run(tmp_path):
    done = run_here("train.py", "-m", *SMALL, "trainer.accelerator=nonsense,cpu", cwd=tmp_path)
    refused, finished = run_folders(tmp_path)
    assert done.returncode == 1
    assert not list(refused.rglob("*.wandb"))
    assert len(list(finished.rglob("*.wandb"))) == 1


def test_no_callback_is_a_choice_too(tmp_path):
    done = run_here("train.py", *SMALL, "callbacks=[]", "logger=[csv]", cwd=tmp_path)
    (folder,) = run_folders(tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (folder / "spectra.npz").exists()
    assert json.loads((folder / "result.json").read_text())["truncated_entropy"] is None


def test_tensorboard_is_an_option(tmp_path):
    done = run_here("train.py", *SMALL, "logger=[csv,tensorboard]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = run_folders(tmp_path)
    assert list(folder.rglob("events.out.tfevents.*"))


def test_help_and_the_composed_config_need_no_torch(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('torch was imported')")
    for arguments in (["--help"], ["--cfg", "job"]):
        done = run_script("train.py", *arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert "max_steps" in done.stdout


def test_a_member_that_a_method_can_no_longer_be_fitted_to_does_not_end_the_others(tmp_path):
    done = run_here(
        "train.py", *SMALL, "pde=biharmonic", "method=fd_exact", "method.step=0.5",
        "method.renew_every=2", "ensemble.lr=[1e-4,0.5]", "logger=[csv]", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 of 2 members diverged" in done.stderr
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    members = result["members"]
    assert result["error"].startswith("1 of 2 members diverged")
    assert [member["status"] for member in members] == ["finished", "diverged"]
    assert members[0]["loss"] < 10


@pytest.mark.usefixtures("undrawn")
def test_a_kernel_that_is_zero_is_said_and_has_no_effective_value(tmp_path):
    # w^2 and w underflow in float32, so that no parameter moves u_xx
    done = run_here("train.py", *SMALL, "model.weight_range=1e-30", "logger=[csv]", cwd=tmp_path)
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    assert done.returncode == 0, done.stderr
    assert (result["effective_cutoff"], result["truncated_entropy"]) == (0, 0)
    assert "the kernel is zero at step 20: it underflows" in done.stdout + done.stderr
    assert (read_arrays(folder / "spectra.npz")["eigenvalues"] == 0).all()


@pytest.mark.usefixtures("undrawn")
def test_a_spectrum_that_does_not_converge_is_null_and_said_and_the_run_goes_on(
    tmp_path, monkeypatch
):
    def never(*args, **kwargs):
        raise np.linalg.LinAlgError("did not converge")

    for place in ("torch.linalg.svd", "torch.linalg.svdvals", "scipy.linalg.svd"):
        monkeypatch.setattr(place, never)
    monkeypatch.setattr(torch.linalg, "LinAlgError", np.linalg.LinAlgError)
    done = run_here(
        "train.py", *SMALL, "callbacks=[spectrum,theorem1]", "logger=[csv]", cwd=tmp_path
    )
    (folder,) = run_folders(tmp_path)
    result = json.loads((folder / "result.json").read_text())
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert result["status"] == "finished"
    assert (result["effective_cutoff"], result["truncated_entropy"]) == (None, None)
    assert result["loss"] > 0
    for step in (0, 20):
        assert said.count(f"no spectrum at step {step}: J, or J J^T, is not finite, or J does") == 1
        assert said.count(f"no modes at step {step}: J or the residual is not finite, or J") == 1
    assert "Traceback" not in said


@pytest.mark.usefixtures("undrawn")
def test_modes_of_a_method_that_differentiates_through_u_are_those_of_ad(tmp_path):
    rates = []
    for method in ("ad", "nested_autograd"):
        (tmp_path / method).mkdir()
        done = run_here(
            "train.py", *SMALL, f"method={method}", "callbacks=[theorem1]", "logger=[csv]",
            "precision=float64", cwd=tmp_path / method,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        (folder,) = run_folders(tmp_path / method)
        rates.append(read_metrics(folder / "metrics.csv")["theorem1/rate"])
    np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("bad", [float("nan"), 1e200])  # 1e200 squared is no float64 number
def test_a_member_without_a_spectrum_leaves_the_others_theirs(tmp_path, monkeypatch, bad):
    place = "pinnspectra.training.callbacks.spectrum.kernel_singular_values"

    def spoiled(*args):
        sigma = kernel_singular_values(*args)
        sigma[1, 0] = bad
        return sigma

    monkeypatch.setattr(place, spoiled)
    done = run_here("train.py", *SMALL, "ensemble.size=3", "logger=[csv]", cwd=tmp_path)
    (folder,) = run_folders(tmp_path)
    members = json.loads((folder / "result.json").read_text())["members"]
    assert done.returncode == 0, done.stderr
    assert [member["status"] for member in members] == ["finished"] * 3
    assert [member["truncated_entropy"] is None for member in members] == [False, True, False]
    assert [member["effective_cutoff"] is None for member in members] == [False, True, False]
    entropy = read_arrays(folder / "spectra.npz")["truncated_entropy"]
    assert np.isnan(entropy[:, 1]).all()
    assert np.isfinite(entropy[:, ::2]).all()
    assert (done.stdout + done.stderr).count("no spectrum at step 20") == 1
