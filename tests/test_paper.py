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
from ensembles import STEPS, metrics, write_run
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
from pinnspectra.studies.paper.claims import pairs_above, spearman
from pinnspectra.studies.paper.drawing import FIGURES, PaperFigure
from pinnspectra.studies.paper.experiments import MARKER, random_features, run_missing
from pinnspectra.studies.paper.page import write_page
from pinnspectra.studies.paper.panels import (
    CurvePanel,
    SpectrumPanel,
    TruncationPanel,
    paper_figure,
)
from pinnspectra.studies.paper.prediction import entropies
from pinnspectra.studies.paper.printed import PRINTED
from pinnspectra.studies.paper.readings import KERNELS, SCALES, Reading, nearest
from pinnspectra.studies.paper.runs import solves, solves_by_width, trainings
from pinnspectra.studies.paper.spectra import ratios, values_alike
from pinnspectra.studies.paper.table import write_table
from pinnspectra.studies.paper.verdicts import NOT, ORDERED, REPRODUCED, is_reproduced, verdict


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ([0.5, 2.0, 9.0], True),  # inside the range, far from the median
        ([1.05, 1.09, 1.2], True),  # outside, within 10 % of the median
        ([1.05, 1.12, 1.2], False),
        ([0.7, 0.8, 0.89], False),
    ],
)
def test_a_number_is_reproduced_in_the_range_or_within_ten_percent(ours, expected):
    assert is_reproduced(1.0, ours) == expected


@pytest.mark.parametrize(
    ("ad", "fd", "verdicts"),
    [
        ([0.08, 0.1], [0.02, 0.03], (REPRODUCED, REPRODUCED)),
        ([0.2, 0.2], [0.1, 0.1], (ORDERED, ORDERED)),
        ([0.095, 0.095], [0.2, 0.2], (REPRODUCED, NOT)),
        ([0.5, 0.5], [0.5, 0.5], (NOT, NOT)),  # equal is no order
    ],
)
def test_a_pair_is_in_the_printed_order_by_its_medians(ad, fd, verdicts):
    printed = {"ad": 0.09, "fd": 0.025}
    ours = {"ad": np.array(ad), "fd": np.array(fd)}
    assert tuple(verdict(m, printed, ours) for m in ("ad", "fd")) == verdicts


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


def test_rank_correlation_and_pairs():
    x = np.array([1.0, 2, 3, 4])
    assert spearman(x, -(x**3)) == pytest.approx(-1)
    assert np.isnan(spearman(x, 0 * x))
    assert pairs_above(x, np.array([0.0, 2, 2, 5])) == "2 of 4"


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
(run / "result.json").write_text(json.dumps({{"status": "diverged"}}))
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


ONE, TWO = random_features("one"), random_features("two")


def test_what_is_finished_is_kept_and_what_is_half_done_goes_on(checkout):
    out = checkout / "out"
    assert run_missing([ONE, TWO], out, checkout) == []
    assert run_missing([ONE, TWO], out, checkout) == []
    assert started(checkout) == ["one", "two"]
    marker = out / "one" / MARKER
    hash_ = json.loads(marker.read_text())["hash"]
    for text, kept in ((json.dumps({"hash": hash_}), True), ("", False)):
        marker.write_text(text)
        (out / "one" / "0_run" / "checkpoint").write_text("")
        assert run_missing([ONE, TWO], out, checkout) == []
        assert (out / "one" / "0_run" / "checkpoint").exists() == kept
    assert started(checkout) == ["one", "one", "one", "two"]
    assert "runs" in json.loads(marker.read_text())


def test_a_second_paper_at_once_is_told_of_the_first(checkout, capsys):
    with locked(checkout / "outputs" / "paper"):
        assert main(["--only", "fig3"], checkout) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"process {os.getpid()} on " in line
    assert not (checkout / "started").exists()


@pytest.mark.parametrize("damage", ["", "{", "3", '{"hash": "0"}'])
def test_a_marker_that_is_damaged_or_of_another_time_counts_for_nothing(checkout, damage):
    run_missing([ONE], checkout / "out", checkout)
    (checkout / "out" / "one" / MARKER).write_text(damage)
    run_missing([ONE], checkout / "out", checkout)
    assert started(checkout) == ["one", "one"]


SWEEPS_MORE = "# @package _global_\nhydra: {sweeper: {params: {seed: '0,2'}}}\n"


@pytest.mark.parametrize(
    ("file", "text", "again"),
    [
        ("experiment/one.yaml", "# @package _global_\nseed: 7\n", True),
        ("experiment/one.yaml", SWEEPS_MORE, True),
        ("experiment/two.yaml", SWEEPS_MORE, False),
        ("logger/csv.yaml", "csv: {}\n", False),
        ("model/two_layer.yaml", "_target_: pinnspectra.networks.TwoLayer\nwidth: 3\n", True),
    ],
)
def test_an_experiment_is_run_again_where_its_composed_settings_change(checkout, file, text, again):
    run_missing([ONE], checkout / "out", checkout)
    (checkout / "conf" / file).write_text(text)
    run_missing([ONE], checkout / "out", checkout)
    assert started(checkout) == ["one"] * (1 + again)


def test_an_experiment_that_fails_is_told_and_does_not_stop_the_others(checkout):
    body = "if name == 'one':\n    print('error: seed=x: a number')\n    sys.exit(1)"
    stub(checkout, body)
    (line,) = run_missing([ONE, TWO], checkout / "out", checkout)
    assert line.startswith("one failed: seed=x: a number; see ")
    done = [json.loads((checkout / "out" / name / MARKER).read_text()) for name in ("one", "two")]
    assert ["runs" in marker for marker in done] == [False, True]
    assert "\n" not in line


def test_an_experiment_or_checkout_that_is_missing_is_told_in_one_line(checkout):
    with pytest.raises(SettingsError, match="experiment=three: no such choice"):
        run_missing([random_features("three")], checkout / "out", checkout)
    with pytest.raises(SettingsError, match="take a checkout"):
        run_missing([ONE], checkout / "out", checkout / "conf")


def test_an_unknown_figure_is_told_with_those_there_are(checkout, capsys):
    assert main(["--only", "fig9"], checkout) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --only fig9: no such figure; allowed are fig1, ")
    assert not (checkout / "outputs").exists()


def test_the_page_is_of_the_whole_paper(checkout, capsys):
    assert main(["--only", "fig3", "--docs"], checkout) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_what_runs_in_one_line(checkout, number):
    body = "import os\ncount.with_name('running').write_text(str(os.getpid()))\ntime.sleep(60)"
    stub(checkout, body)
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
    said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 128 + number
    (line,) = said.splitlines()
    assert line == f"error: interrupted by {number.name}; run it again to go on where it was"
    assert time.monotonic() - before < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)
    marker = checkout / "outputs" / "paper" / "fig3" / MARKER
    assert "runs" not in json.loads(marker.read_text())


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
    np.testing.assert_allclose(ad.solved_singular_values, ad.singular_values, atol=1e-14)
    results = [json.loads(path.read_text()) for path in out.rglob("result.json")]
    for method, one in found.items():
        logged = {r["truncated_entropy"] for r in results if r["method"] == method}
        np.testing.assert_allclose(sorted(one.entropy(1e-12)), sorted(logged))
    assert 0 < values_alike(ad.singular_values, fd.singular_values) < 12
    for run in find_runs(out / "one"):
        if run.result["method"] == "fd":  # 12 values, all above the rounding of so long a step
            np.testing.assert_allclose(entropies(run), run.result["truncated_entropy"], rtol=1e-6)


def test_every_experiment_has_settings_of_its_own():
    names = {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")}
    assert {experiment.name for experiment in ALL} <= names
    assert len({experiment.hash(ROOT) for experiment in ALL}) == len(ALL)


def test_the_best_learning_rate_has_the_least_median_and_few_diverged(tmp_path):
    rates = [1e-2, 1e-3, 1e-4]
    write_run(tmp_path / "0_a", 15, {0: 1, 1: 2, 2: 3, 6: 5}, rates, "fd", overrides=["method=fd"])
    found = trainings(tmp_path)["fd"]
    assert list(found.diverged.nonzero()[0]) == [0, 1, 2, 6]
    loss = metrics(15)["loss"][-1]
    medians = {1e-3: np.median(loss[[5, 7, 8, 9]]), 1e-4: np.median(loss[10:])}
    best = found.best()
    assert best is not None
    assert best.rate == min(medians, key=medians.__getitem__)
    assert found.at_rate(1e-3).lost == 1
    assert list(found.at_rate(1e-3).seeds) == [5, 7, 8, 9]
    assert found.only(found.learning_rates == 1e-2).best() is None


def test_the_true_training_error_is_relative_to_the_forcing(tmp_path):
    write_run(tmp_path / "0_a", 3)
    found = trainings(tmp_path)["fd"]
    f = np.sqrt(found.metrics["loss/interior"]) / found.metrics["relative_training_error"]
    wanted = np.sqrt(found.metrics["loss/interior_ad64"]) / f
    np.testing.assert_allclose(found.true_training_error(), wanted)


SPECTRA = np.random.default_rng(0).uniform(0.5, 1, (5, 1)) * 10.0 ** -np.arange(12)
CURVES = np.exp(-STEPS[:, None] / 300) * np.random.default_rng(1).uniform(0.5, 1, 5)


def test_a_figure_has_medians_bands_and_one_legend_for_all_panels(tmp_path):
    by_method = {"ad": SPECTRA, "fd": 2 * SPECTRA}
    steps, curves = dict.fromkeys(by_method, STEPS), {"ad": CURVES, "fd": 2 * CURVES}
    panels = [
        SpectrumPanel("a spectrum", "value", by_method, 1e-5, alike=4, note="H"),
        TruncationPanel("errors", {"ad": SPECTRA.T, "fd": 3 * SPECTRA.T}, {"ad": 5}, (3, 5, 8)),
        CurvePanel("losses", "step", "loss", steps, curves, {"fd": CURVES}, "true"),
    ]
    figure = paper_figure("title", panels, 2)
    figures.save(figure, tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0
    assert len(figure.axes) == 3
    assert [axes.get_title()[:4] for axes in figure.axes] == ["(a) ", "(b) ", "(c) "]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 4
    for axes, wanted in zip(figure.axes, (SPECTRA, SPECTRA, CURVES.T), strict=True):
        drawn = [line for line in axes.lines if line.get_color() == method_colour("ad")]
        assert any(np.array_equal(line.get_ydata(), np.median(wanted, axis=0)) for line in drawn)
    assert {"I", "II", "III", "IV"} <= {text.get_text() for text in figure.axes[1].texts}


WIDTHS = {"fig1": (100, 200, 300, 500), "fig1_boundary": (300, 450), "fig5a": (50, 100),
          "fig6a": (100, 500)}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An invented run of everything: FD's spectra end in a floor, fd_grid's training diverges."""
    folder = tmp_path_factory.mktemp("paper")
    for experiment in ALL:
        if experiment.name.startswith("cause"):
            write_cause(folder / experiment.name, experiment.script == "train.py")
            continue
        write = write_trainings if experiment.script == "train.py" else write_solves
        write(folder / experiment.name, experiment.name)
    return folder


def write_cause(folder: Path, trained: bool) -> None:
    jobs = itertools.product(cause.PROBLEMS, ("ad", "fd", "fd_exact"), ("float32", "float64"))
    for number, (pde, method, precision) in enumerate(jobs):
        run, overrides = folder / f"{number}_job", [f"pde={pde}", f"precision={precision}"]
        write_run(run, method=method, overrides=overrides)
        if not trained:
            (run / "spectra.npz").unlink()
            here = RunFolder(run, pde, method, "0")
            sigma = 10.0 ** -np.arange(12)
            here.write_arrays("spectrum.npz", singular_values=sigma, floor=1e-9 * sigma)


def write_trainings(folder: Path, name: str) -> None:
    for i, method in enumerate(("ad", "fd", "fd_grid")):
        ended = dict.fromkeys(range(10), 1) if method == "fd_grid" else {7: 3}
        write_run(folder / f"{i}_{method}", 10, ended, (1e-3, 1e-4), method)


def write_solves(folder: Path, name: str) -> None:
    floors = {"ad": 1e-17, "fd": 1e-10, "fd_grid": 1e-8}
    jobs = [(M, m, s) for M in WIDTHS.get(name, (60,)) for m in floors for s in range(3)]
    for number, (M, method, seed) in enumerate(jobs):
        run = folder / f"{number}_job"
        (run / ".hydra").mkdir(parents=True)
        (run / ".hydra" / "overrides.yaml").write_text(f"- model.width={M}\n")
        sigma = (1 + 0.01 * seed) * np.maximum(10.0 ** -np.arange(60), floors[method])
        here = RunFolder(run, "poisson1d", method, "0")
        arrays = {"singular_values": sigma, "solved_singular_values": sigma, "floor": 1e-9 * sigma}
        here.write_arrays("spectrum.npz", relative_training_error=sigma, **arrays)
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
    assert "AD has the larger entropy | A, poisson1d, float64" in claimed
    larger = [line for line in claimed.splitlines() if "Small values are larger" in line]
    assert sum(line.endswith("| holds |") for line in larger) == 6  # those of A
    at_best = [line for line in rates.splitlines() if line.endswith("| shown |")]
    trained = {name for of_figure in KERNELS.values() for name in of_figure}
    assert len(at_best) == 2 * len(trained)  # of ad and fd; every member of fd_grid diverges
    assert sum("| fd_grid |" in line and "| 5 | 5 | - |" in line for line in rates.splitlines()) > 1
    assert "nan" not in numbers.lower() + opened.lower()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_from_the_runs(whole, name):
    figure = FIGURES[name].draw(whole)
    assert all(axes.lines for axes in figure.axes)
    assert all("nothing to show" not in t.get_text() for axes in figure.axes for t in axes.texts)


def test_the_page_has_the_table_and_every_figure(whole, tmp_path):
    write_table(whole)
    large, panel = whole / "fig1.png", TruncationPanel("errors", {"ad": SPECTRA.T, "fd": CURVES})
    figures.save(paper_figure("Fig. 1", [panel], 1), large)
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


def test_widths_are_kept_apart(whole):
    by_width = solves_by_width(whole / "fig1")
    assert list(by_width) == sorted(WIDTHS["fig1"])
    assert {m: len(one.training_error) for m, one in by_width[200].items()} == {
        "ad": 3, "fd": 3, "fd_grid": 3,
    }  # fmt: skip
    assert by_width[300]["ad"].training_error[0] == 3 * by_width[100]["ad"].training_error[0]


DAMAGE = {
    "no result": lambda run: (run / "result.json").unlink(),
    "half a result": lambda run: (run / "result.json").write_text('{"status'),
    "a result of nothing": lambda run: (run / "result.json").write_text("{}"),
    "no arrays": lambda run: (run / "spectrum.npz").unlink(),
    "damaged arrays": lambda run: (run / "spectrum.npz").write_text("nothing"),
    "no run": lambda run: (run / ".hydra").rmdir(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_an_experiment_that_has_lost_part_of_a_run_is_run_again(checkout, damage):
    run_missing([ONE], checkout / "out", checkout)
    damage(checkout / "out" / "one" / "0_run")
    run_missing([ONE], checkout / "out", checkout)
    assert started(checkout) == ["one", "one"]


def test_no_table_is_made_of_experiments_with_older_settings(checkout, monkeypatch, capsys):
    monkeypatch.setattr("pinnspectra.commands.paper.FIGURES", {"one": PaperFigure((ONE,), Path)})
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
