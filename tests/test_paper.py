"""Every figure and number of the paper: verdicts, resuming, reading, drawing, the table."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ensembles import metrics, write_run
from matplotlib.figure import Figure
from matplotlib.image import imread
from scripts import ROOT

from pinnspectra.commands.paper import ALL, main
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.lock import locked
from pinnspectra.runs.messages import SettingsError
from pinnspectra.show import figures
from pinnspectra.show.figures import method_colour
from pinnspectra.studies.paper import cause
from pinnspectra.studies.paper.experiments import MARKER, RFM, TRAIN, Experiment, run_missing
from pinnspectra.studies.paper.figures import FIGURES, PaperFigure
from pinnspectra.studies.paper.members import (
    ratios,
    solves,
    solves_by_width,
    trainings,
    values_alike,
)
from pinnspectra.studies.paper.page import write_page, write_table
from pinnspectra.studies.paper.prediction import entropies
from pinnspectra.studies.paper.printed import NOT, ORDERED, PRINTED, REPRODUCED, Printed
from pinnspectra.studies.paper.readings import KERNELS, SCALES, Reading, nearest


@pytest.mark.parametrize(
    ("ad", "fd", "verdicts"),
    [
        ([0.08, 0.1], [0.02, 0.03], (REPRODUCED, REPRODUCED)),  # inside the range
        ([0.05, 0.2, 0.9], [0.01, 0.1], (REPRODUCED, REPRODUCED)),  # far from the median
        ([0.094, 0.098, 0.2], [0.022, 0.023, 0.024], (REPRODUCED, REPRODUCED)),  # within 10 %
        ([0.094, 0.101, 0.2], [0.017, 0.020, 0.022], (ORDERED, ORDERED)),
        ([0.095, 0.095], [0.2, 0.2], (REPRODUCED, NOT)),
        ([0.5, 0.5], [0.5, 0.5], (NOT, NOT)),  # equal is no order
    ],
)
def test_a_number_is_reproduced_in_the_range_or_within_ten_percent(ad, fd, verdicts):
    printed = Printed("1", "", "", "A", 1e-5, {"ad": 0.09, "fd": 0.025}, "")
    ours = {"ad": np.array(ad), "fd": np.array(fd)}
    assert tuple(printed.verdict(m, ours) for m in ("ad", "fd")) == verdicts


def test_the_nearest_reading_has_the_least_factor_of_both_numbers():
    def reading(name: str, ad: float, fd: float) -> Reading:
        return Reading(name, {"ad": np.full(3, ad), "fd": np.full(3, fd)})

    printed = {"ad": 0.1, "fd": 0.01}
    found = [reading("ad right", 0.1, 0.04), reading("near", 0.15, 0.008), reading("far", 1, 1)]
    assert nearest(found, printed).label == "near"
    assert found[0].factor(printed) == pytest.approx(4)
    assert found[1].factor(printed) == pytest.approx(1.5)


def test_scales_apply_the_threshold_where_they_say():
    sigma = np.array([[100.0, 1.0, 1e-3, 0.0]])
    p = np.array([1e4, 1.0]) / (1e4 + 1)
    H = -(p * np.log(p)).sum()
    assert SCALES["eigenvalues"](sigma, 1e-5) == pytest.approx(H / 2)
    above = SCALES["eigenvalues above a sqrt(lambda_1)"]  # 1e-5 * 100: the third is 1e-6, below
    assert above(sigma, 1e-5) == pytest.approx(H / 2)
    assert above(sigma, 1e-9) < 0.8 * H / 2
    q = np.array([100, 1.0, 1e-3]) / 101.001
    assert SCALES["their square roots"](sigma, 1e-5) == pytest.approx(-(q * np.log(q)).sum() / 3)


def test_values_are_alike_up_to_the_first_that_is_not():
    ad = 10.0 ** -np.arange(8) * np.array([[1.0], [2.0], [0.5]])
    fd = ad * np.array([1, 1.05, 0.95, 1.2, 1, 7, 7, 7])
    assert values_alike(ad, fd) == 3
    assert values_alike(ad, ad) == 8
    assert values_alike(ad, 2 * ad) == 0
    np.testing.assert_allclose(ratios(ad, fd)[-3:], 7)


# running the experiments

STUB = """
import json, pathlib, sys, time
import numpy as np
name, folder = (next(a.split("=", 1)[1].strip("'") for a in sys.argv if a.startswith(key))
                for key in ("experiment=", "hydra.sweep.dir="))
conf = pathlib.Path(__file__).parent
count = conf / "started"
count.write_text(count.read_text() + name + "\\n" if count.exists() else name + "\\n")
{body}
run = pathlib.Path(folder) / "0_run"
(run / ".hydra").mkdir(parents=True, exist_ok=True)
np.savez(run / "spectrum.npz", singular_values=[1.0])
(run / "result.json").write_text(json.dumps({{"status": "diverged", "pde": "p", "method": "m"}}))
sys.exit(1)
"""
"""A script that notes that it was started and leaves a run with a diverged member."""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose scripts do nothing, with experiments `one` and `two`; we are in it."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    for name in ("one", "two"):
        text = "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\n"
        (tmp_path / "conf" / "experiment" / f"{name}.yaml").write_text(text)
    stub(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stub(checkout: Path, body: str = "") -> None:
    (checkout / "rfm_solve.py").write_text(STUB.format(body=body))


def started(checkout: Path) -> list[str]:
    return sorted((checkout / "started").read_text().split())


def marker(checkout: Path, name: str = "one") -> Path:
    return checkout / "out" / name / MARKER


ONE, TWO = Experiment("one", RFM), Experiment("two", RFM)


def test_what_is_finished_is_kept_and_what_is_half_done_goes_on(checkout):
    out = checkout / "out"
    assert run_missing([ONE, TWO], out, checkout) == []
    assert run_missing([ONE, TWO], out, checkout) == []
    assert started(checkout) == ["one", "two"]
    hash_ = json.loads(marker(checkout).read_text())["hash"]
    for text, kept in ((json.dumps({"hash": hash_}), True), ("", False)):
        marker(checkout).write_text(text)
        (out / "one" / "0_run" / "checkpoint").write_text("")
        assert run_missing([ONE, TWO], out, checkout) == []
        assert (out / "one" / "0_run" / "checkpoint").exists() == kept
    assert started(checkout) == ["one", "one", "one", "two"]
    assert "runs" in json.loads(marker(checkout).read_text())
    (out / "one" / "0_run" / ".hydra").rmdir()  # no run any more
    assert run_missing([ONE, TWO], out, checkout) == []
    assert started(checkout) == ["one", "one", "one", "one", "two"]


RUN, SWEEPS_MORE = (
    "out/one/0_run",
    "# @package _global_\nhydra: {sweeper: {params: {seed: '0,2'}}}\n",
)
MODEL = "_target_: pinnspectra.networks.TwoLayer\nwidth: 3\n"

CHANGES = {
    "marker of nothing": (f"out/one/{MARKER}", "", True),
    "marker of other settings": (f"out/one/{MARKER}", '{"hash": "0"}', True),
    "no result": (f"{RUN}/result.json", None, True),
    "damaged arrays": (f"{RUN}/spectrum.npz", "nothing", True),
    "other settings": ("conf/experiment/one.yaml", "# @package _global_\nseed: 7\n", True),
    "a larger sweep": ("conf/experiment/one.yaml", SWEEPS_MORE, True),
    "another default": ("conf/model/two_layer.yaml", MODEL, True),
    "another experiment": ("conf/experiment/two.yaml", SWEEPS_MORE, False),
    "another choice": ("conf/logger/csv.yaml", "csv: {}\n", False),
}


@pytest.mark.parametrize(("file", "text", "again"), CHANGES.values(), ids=CHANGES)
def test_an_experiment_is_run_again_where_its_settings_change_or_a_part_is_lost(
    checkout, file, text, again
):
    run_missing([ONE], checkout / "out", checkout)
    if text is None:
        (checkout / file).unlink()
    else:
        (checkout / file).write_text(text)
    run_missing([ONE], checkout / "out", checkout)
    assert started(checkout) == ["one"] * (1 + again)


def test_an_experiment_that_fails_is_told_and_does_not_stop_the_others(checkout):
    stub(checkout, "if name == 'one':\n    print('error: seed=x: a number')\n    sys.exit(1)")
    (line,) = run_missing([ONE, TWO], checkout / "out", checkout)
    assert line.startswith("one failed: seed=x: a number; see ")
    done = [json.loads(marker(checkout, name).read_text()) for name in ("one", "two")]
    assert ["runs" in content for content in done] == [False, True]


def test_an_experiment_or_checkout_that_is_missing_is_told(checkout):
    with pytest.raises(SettingsError, match="experiment=three"):
        run_missing([Experiment("three", RFM)], checkout / "out", checkout)
    with pytest.raises(SettingsError, match="take a checkout"):
        run_missing([ONE], checkout / "out", checkout / "conf")


@pytest.mark.parametrize("arguments", [["--only", "fig9"], ["--only", "fig3", "--docs"]])
def test_what_cannot_be_asked_for_is_told_in_one_line(checkout, capsys, arguments):
    assert main(arguments, checkout) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --only ")
    assert not (checkout / "outputs").exists()


def test_a_second_paper_at_once_is_told_of_the_first(checkout, capsys):
    with locked(checkout / "outputs" / "paper"):
        assert main(["--only", "fig3"], checkout) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"process {os.getpid()} on " in line
    assert not (checkout / "started").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs_in_one_line(checkout, number):
    stub(
        checkout,
        "import os\ncount.with_name('running').write_text(str(os.getpid()))\ntime.sleep(60)",
    )
    code = (
        "import pathlib, signal, sys; "
        "from pinnspectra.commands.paper import main; "
        f"signal.signal({int(number)}, signal.SIG_DFL); "  # ignored in the background
        "sys.exit(main(['--only', 'fig3'], pathlib.Path.cwd()))"
    )
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    running = checkout / "running"
    while not (running.exists() and running.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    before = time.monotonic()
    (line,) = process.communicate(timeout=30)[1].decode().splitlines()
    assert process.returncode == 128 + number
    assert line.startswith(f"error: interrupted by {number.name}; ")
    assert time.monotonic() - before < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)
    left = json.loads((checkout / "outputs" / "paper" / "fig3" / MARKER).read_text())
    assert "runs" not in left


def test_a_small_experiment_runs_from_its_yaml_to_its_arrays(checkout):
    shutil.copyfile(ROOT / "rfm_solve.py", checkout / "rfm_solve.py")
    small = (ROOT / "conf" / "experiment" / "fig3.yaml").read_text().replace("400", "12")
    small = small.replace("range(0,5)", "range(0,2)").replace(",fd_grid", "")
    (checkout / "conf" / "experiment" / "one.yaml").write_text(small)
    out = checkout / "a folder, of 'x'=1"
    assert run_missing([ONE], out, checkout) == []
    found = solves(out / "one")
    assert {m: one.errors.shape for m, one in found.items()} == {"ad": (12, 2), "fd": (12, 2)}
    ad, fd = found["ad"], found["fd"]
    np.testing.assert_allclose(ad.solved_spectrum, ad.spectrum, atol=1e-14)
    results = [json.loads(path.read_text()) for path in out.rglob("result.json")]
    for method, one in found.items():
        logged = {r["truncated_entropy"] for r in results if r["method"] == method}
        np.testing.assert_allclose(sorted(one.entropy(1e-12)), sorted(logged))
    assert 0 < values_alike(ad.spectrum, fd.spectrum) < 12
    for run in find_runs(out / "one"):
        if run.method == "fd":  # 12 values, all above the rounding of so long a step
            np.testing.assert_allclose(entropies(run), run.result["truncated_entropy"], rtol=1e-6)


def test_every_experiment_has_settings_of_its_own():
    names = {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")}
    assert {experiment.name for experiment in ALL} <= names
    assert len({experiment.hash(ROOT) for experiment in ALL}) == len(ALL)


# what the runs left


def test_the_best_learning_rate_has_the_least_median_and_few_diverged(tmp_path):
    rates = [1e-2, 1e-3, 1e-4]
    write_run(tmp_path / "0_a", 15, {0: 1, 1: 2, 2: 3, 6: 5}, rates, "fd", overrides=["method=fd"])
    found = trainings(tmp_path)["fd"]
    loss = metrics(15)["loss"][-1]
    medians = {1e-3: np.median(loss[[5, 7, 8, 9]]), 1e-4: np.median(loss[10:])}
    best = found.best()
    assert best is not None
    assert list(best.rates) == [min(medians, key=medians.__getitem__)]
    assert found.at_rate(1e-3).lost == 1
    assert list(found.at_rate(1e-3).column("seed")) == [5, 7, 8, 9]
    assert found.at_rate(1e-2, diverged=True).best() is None


def test_the_true_training_error_is_relative_to_the_forcing(tmp_path):
    write_run(tmp_path / "0_a", 3)
    found = trainings(tmp_path)["fd"]
    f = np.sqrt(found.metric("loss/interior")) / found.metric("relative_training_error")
    wanted = np.sqrt(found.metric("loss/interior_ad64")) / f
    np.testing.assert_allclose(found.true_training_error, wanted)


# tables and figures

WIDTHS = {"fig1": (100, 200, 300, 500), "fig1_boundary": (300, 450), "fig5a": (50, 100),
          "fig6a": (100, 500)}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An invented run of everything: FD's spectra end in a floor, fd_grid's training diverges."""
    folder = tmp_path_factory.mktemp("paper")
    writers = {"cause_A": write_cause, "cause_G": write_cause}
    by_script = {RFM: write_solves, TRAIN: write_trainings}
    for experiment in ALL:
        write = writers.get(experiment.name, by_script[experiment.script])
        write(folder / experiment.name)
    return folder


def write_cause(folder: Path) -> None:
    jobs = itertools.product(cause.PROBLEMS, ("ad", "fd", "fd_exact"), ("float32", "float64"))
    for number, (pde, method, precision) in enumerate(jobs):
        run, overrides = folder / f"{number}_job", [f"pde={pde}", f"precision={precision}"]
        write_run(run, method=method, overrides=overrides)
        if folder.name == "cause_A":
            (run / "spectra.npz").unlink()
            here = RunFolder(run, pde, method, "0")
            sigma = 10.0 ** -np.arange(12)
            here.write_arrays("spectrum.npz", singular_values=sigma, floor=1e-9 * sigma)


def write_trainings(folder: Path) -> None:
    for i, method in enumerate(("ad", "fd", "fd_grid")):
        ended = dict.fromkeys(range(10), 1) if method == "fd_grid" else {7: 3}
        write_run(folder / f"{i}_{method}", 10, ended, (1e-3, 1e-4), method)


def write_solves(folder: Path) -> None:
    floors = {"ad": 1e-17, "fd": 1e-10, "fd_grid": 1e-8}
    widths = WIDTHS.get(folder.name, (60,))
    for number, (M, method, seed) in enumerate(itertools.product(widths, floors, range(3))):
        run = folder / f"{number}_job"
        (run / ".hydra").mkdir(parents=True)
        (run / ".hydra" / "overrides.yaml").write_text(f"- model.width={M}\n")
        sigma = (1 + 0.01 * seed) * np.maximum(10.0 ** -np.arange(60), floors[method])
        here = RunFolder(run, "poisson1d", method, "0")
        here.write_arrays(
            "spectrum.npz",
            singular_values=sigma,
            solved_singular_values=sigma,
            floor=1e-9 * sigma,
            truncation_position=np.arange(1, 61),
            relative_training_error=sigma,
        )
        errors = {"relative_training_error": sigma[20] * M, "relative_training_error_ad": sigma[20]}
        here.write_result(status="finished", seed=seed, **errors)


def test_the_table_has_every_printed_number_the_readings_and_the_claims(whole):
    text = write_table(whole).read_text()
    numbers, opened, _, claimed, rates = text.split("## ")[1:]
    rows = [line for line in numbers.splitlines() if line.startswith("| ")][1:]
    rows = [row for row in rows if "---" not in row]
    assert len(rows) == sum(len(printed.entropy) for printed in PRINTED)
    for printed in PRINTED:
        for value in printed.entropy.values():
            assert any(f"| {printed.figure} " in row and f"| {value:.3g} |" in row for row in rows)
        assert f"| {printed.figure} |" in opened
    assert "in 3 of 3 pairs | holds |" in claimed  # AD's entropy of A, of the same seeds
    larger = [line for line in claimed.splitlines() if "Small values are larger" in line]
    assert sum(line.endswith("| holds |") for line in larger) == 6  # those of A
    at_best = [line for line in rates.splitlines() if line.endswith("| shown |")]
    trained = {name for of_figure in KERNELS.values() for name in of_figure}
    assert len(at_best) == 2 * len(trained)  # of ad and fd; every member of fd_grid diverges
    assert sum("| fd_grid |" in line and "| 5 | 5 | - |" in line for line in rates.splitlines()) > 1
    assert "nan" not in numbers.lower() + opened.lower()


def test_widths_are_kept_apart(whole):
    by_width = solves_by_width(whole / "fig1")
    assert list(by_width) == sorted(WIDTHS["fig1"])
    sizes = {method: len(one.training_error) for method, one in by_width[200].items()}
    assert sizes == {"ad": 3, "fd": 3, "fd_grid": 3}
    assert by_width[300]["ad"].training_error[0] == 3 * by_width[100]["ad"].training_error[0]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_from_the_runs(whole, name):
    figure = FIGURES[name].draw(whole)
    assert all(axes.lines for axes in figure.axes)
    assert all("nothing to show" not in t.get_text() for axes in figure.axes for t in axes.texts)
    letters = [axes.get_title(loc="left") for axes in figure.axes]
    assert letters == ([f"({c})" for c in "abcdef"[: len(letters)]] if len(letters) > 1 else [""])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels))


def test_a_figure_has_medians_and_marks_what_the_paper_marks(whole):
    found, figure = solves(whole / "fig3"), FIGURES["fig3"].draw(whole)
    for axes, values in zip(figure.axes, (found["ad"].spectrum, found["ad"].errors.T), strict=True):
        drawn = [line for line in axes.lines if line.get_color() == method_colour("ad")]
        assert any(np.array_equal(line.get_ydata(), np.median(values, axis=0)) for line in drawn)
    K = values_alike(found["ad"].spectrum, found["fd"].spectrum)
    rings = [line.get_xdata() for line in figure.axes[0].lines if line.get_markersize() > 10]
    assert rings == [[K]]
    ends = [line.get_xdata()[0] for line in figure.axes[1].lines if len(set(line.get_xdata())) == 1]
    assert {K, found["fd"].used(1e-12)} <= set(ends)
    assert [text.get_text() for text in figure.axes[1].texts] == ["I", "II", "III", "IV"]


def test_the_page_has_the_table_and_every_figure(whole, tmp_path):
    write_table(whole)
    large = whole / "fig1.png"
    figures.save(FIGURES["fig1"].draw(whole), large)
    for name in set(FIGURES) - {"fig1"}:
        shutil.copyfile(large, whole / f"{name}.png")
    for name in FIGURES:
        (whole / f"{name}.pdf").write_bytes(b"%PDF of " + name.encode())
    text = write_page(whole, tmp_path).read_text()
    assert (whole / "table.md").read_text() in text
    for name in FIGURES:
        assert f"](paper/{name}.png)" in text
        assert f"](paper/{name}.pdf)" in text
        assert (tmp_path / "paper" / f"{name}.pdf").read_bytes().endswith(name.encode())
        small = tmp_path / "paper" / f"{name}.png"
        assert small.stat().st_size < large.stat().st_size
    assert np.abs(imread(small)[..., :3] - imread(large)[..., :3]).mean() < 0.005


def test_no_table_is_made_of_experiments_with_older_settings(checkout, monkeypatch, capsys):
    drawn = PaperFigure((ONE,), lambda folder: Figure())
    monkeypatch.setattr("pinnspectra.commands.paper.FIGURES", {"one": drawn})
    monkeypatch.setattr("pinnspectra.commands.paper.ALL", [ONE, TWO])
    tables = []
    monkeypatch.setattr("pinnspectra.commands.paper.write_table", tables.append)
    monkeypatch.setattr("pinnspectra.show.figures.save", lambda figure, path: None)
    assert main([], checkout) == 0
    assert len(tables) == 1
    (checkout / "conf" / "experiment" / "two.yaml").write_text(SWEEPS_MORE)
    assert main(["--only", "one"], checkout) == 0
    assert "the table needs all experiments" in capsys.readouterr().out
    assert len(tables) == 1
