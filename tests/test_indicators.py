"""The study of indicators: known correlations are found, known spectra give known numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from ensembles import STEPS, write_run
from matplotlib.image import imread
from scipy import stats
from scripts import run_here

from pinnspectra.commands.indicators import main
from pinnspectra.show.figures import method_colour
from pinnspectra.studies.indicators.cases import (
    LAST,
    NEXT,
    RECORDS,
    RESIDUAL_RATE,
    SOLVES,
    Outcome,
    Study,
    find_cases,
    rate,
    spectrum_indicators,
)
from pinnspectra.studies.indicators.correlation import FEWEST, correlated, grouped, paired
from pinnspectra.studies.indicators.figure import indicator_figure
from pinnspectra.studies.indicators.report import report

pytestmark = pytest.mark.usefixtures("undrawn")

RANDOM = np.random.default_rng(0)
ERROR = "relative_training_error"


def case(H, error, method="ad", seed=0, problem="poisson1d", precision="float64", width=10):
    """An invented solve."""
    who = {"problem": problem, "method": method, "precision": precision, "width": width}
    who |= {"seed": seed, "learning_rate": 0.0, "step": 0}
    return who | {"H": H, "e": -H, ERROR: error, f"{ERROR}_ad": 1 / error}


def rho(x, y, networks=None):
    """The one correlation of two variables."""
    seeds = range(len(x)) if networks is None else networks
    cases = pd.DataFrame({"problem": "p", "width": 1, "seed": seeds, "x": x, "y": y})
    return correlated(cases, ["x"], ["y"])[1]["y"]["x"]


# the numbers of a spectrum


def test_the_numbers_of_a_geometric_spectrum():
    q, n, cutoff = 0.1, 8, 1e-4 * (1 - 1e-12)
    spectrum = 5 * q ** np.arange(n)
    found = spectrum_indicators(RANDOM.permutation(spectrum), cutoff)
    kept = np.arange(5)
    p = q**kept * (1 - q) / (1 - q**5)
    wanted = {
        "H": -(p * np.log(p)).sum() / 5,
        "e": 5,
        "condition": q**-4,
        "mean": 5 * (1 - q**5) / (1 - q) / 5,
        "log det": 5 * np.log(5) + kept.sum() * np.log(q),
        "largest": 5,
    }
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12)


def test_a_member_without_a_spectrum_has_no_numbers_and_the_others_have():
    spectra = np.ones((2, 3))
    spectra[1, 2] = np.nan
    for value in spectrum_indicators(spectra, 0.1).values():
        assert list(np.isnan(value)) == [False, True]


def test_the_rate_of_exponential_losses_is_found_at_every_learning_rate():
    steps, slopes, rates = np.array([0, 10, 50, 60]), np.array([3.0, -2.0]), np.array([1e-3, 5e-2])
    loss = np.exp(-slopes * rates * steps[:, None])
    for until in (NEXT, LAST):
        found = rate(steps, loss, rates, until)
        np.testing.assert_allclose(found, np.tile(slopes, (3, 1)), rtol=1e-9)
    loss[1, 0] = 0  # no logarithm
    assert np.isnan(rate(steps, loss, rates, NEXT)[:, 0]).tolist() == [True, True, False]
    assert np.isnan(rate(steps, loss, rates, LAST)[:, 0]).tolist() == [False, True, False]


# correlations


@pytest.mark.parametrize("ties", [False, True])
def test_rho_is_scipys(ties):
    x = RANDOM.normal(size=60)
    y = x + RANDOM.normal(size=60)
    if ties:
        x, y = x.round(), y.round()
    for sign in (1, -1):
        found, wanted = rho(x, sign * y), stats.spearmanr(x, sign * y).statistic
        assert found.rho == pytest.approx(wanted, abs=1e-12)
        assert found.low < wanted < found.high
        assert found.sign == sign


def test_a_constant_and_too_few_cases_have_no_correlation():
    x = np.arange(10.0)
    for one in (rho(x, np.full(10, 0.1)), rho(np.full(10, 0.1), x)):
        assert np.isnan([one.rho, one.low, one.high]).all()
        assert one.sign == 0
    assert np.isnan(rho(x[: FEWEST - 1], x[: FEWEST - 1]).rho)
    assert rho(x[:FEWEST], x[:FEWEST]).rho == pytest.approx(1)


def test_copies_of_cases_make_no_interval_narrower():
    x = RANDOM.normal(size=20)
    y = x + RANDOM.normal(size=20)
    single, copied = rho(x, y), rho(np.tile(x, 9), np.tile(y, 9), np.tile(np.arange(20), 9))
    assert copied.rho == pytest.approx(single.rho)
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high))
    naive = rho(np.tile(x, 9), np.tile(y, 9))
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


def test_intervals_cover_the_rho_of_the_population():
    pearson = 0.6
    true = 6 / np.pi * np.arcsin(pearson / 2)  # of two normal variables
    random, sets, covered = np.random.default_rng(1), 40, 0
    for _ in range(sets):
        x, z = random.normal(size=(2, 80))
        one = rho(x, pearson * x + np.sqrt(1 - pearson**2) * z)
        covered += one.low < true < one.high
    assert stats.binomtest(covered, sets, 0.95).pvalue > 1e-3


# groups and pairs


def test_groups_have_every_case_where_it_belongs():
    cases = pd.DataFrame(
        case(1.0, 1.0, method, seed, problem, width=width)
        for method in ("ad", "fd")
        for seed in range(3)
        for problem in ("poisson1d", "biharmonic")
        for width in (10, 20)
    )
    sizes = {name: len(group) for name, group in grouped(cases).items()}
    assert sizes["all"] == sizes["float64"] == 24
    assert sizes["ad"] == sizes["fd"] == sizes["poisson1d"] == sizes["biharmonic"] == 12
    assert sizes["biharmonic, float64, ad"] == 6
    assert len(sizes) == 1 + 2 + 2 + 1 + 4


def test_known_correlations_are_found_and_nan_is_left_out():
    H = RANDOM.permutation(30) + 1.0
    cases = [case(h, 1 / h, seed=i) for i, h in enumerate(H)]
    cases = pd.DataFrame([*cases, case(np.nan, 1.0), case(1.0, np.nan)])
    n, table = correlated(cases, ["H", "e"], [ERROR, f"{ERROR}_ad"])
    assert n == 30
    assert table[ERROR]["H"].rho == pytest.approx(-1)
    assert table[ERROR]["e"].rho == pytest.approx(1)
    assert table[f"{ERROR}_ad"]["H"].rho == pytest.approx(1)


def test_pairs_are_of_one_network_and_count_what_is_better():
    ad = [case(2.0, 0.1, seed=i) for i in range(4)]
    fd = [case(1.0, error, "fd", seed=i) for i, error in enumerate([1.0, 1.0, 0.01, 0.1])]
    alone = [case(9.0, 9.0, "fd", seed=7), case(9.0, 9.0, "fd", precision="float32")]
    (pairs,) = paired(pd.DataFrame([*ad, *fd, *alone]), SOLVES)
    assert [pairs[key] for key in ("problem", "precision", "AD beside", "pairs")] == [
        "poisson1d", "float64", "fd", 4,
    ]  # fmt: skip
    assert (pairs["H larger, smaller"], pairs["ratio of H"]) == ((4, 0), 2.0)
    assert pairs[ERROR] == (2, 2)  # better by AD, and foretold; an equal one is not better
    assert pairs[f"{ERROR}_ad"] == (1, 1)


@pytest.mark.parametrize(
    ("H_ad", "H_fd", "larger", "better"),
    [
        (1.0, 2.0, (0, 1), (1, 0)),  # AD is better, FD was foretold
        (2.0, 1.0, (1, 0), (1, 1)),
        (1.009, 1.0, (0, 0), (1, 0)),  # the same H foretells nothing
        (1.02, 1.0, (1, 0), (1, 1)),
    ],
)
def test_the_larger_H_foretells_the_better_one(H_ad, H_fd, larger, better):
    (pairs,) = paired(pd.DataFrame([case(H_ad, 1.0), case(H_fd, 2.0, "fd")]), SOLVES)
    assert (pairs["H larger, smaller"], pairs[ERROR]) == (larger, better)


# what is read from run folders


def finished_run(path, *arguments, **settings):
    """An invented training run, with the part of its configuration that is read."""
    table = write_run(path, *arguments, **settings)
    (path / ".hydra" / "config.yaml").write_text("precision: float32\nmodel: {width: 7}\n")
    return table


def test_the_records_of_an_ensemble_are_its_cases(tmp_path):
    table = finished_run(tmp_path / "run", 4, {2: 5}, (1e-3, 1e-4))
    found = find_cases(tmp_path)
    assert found.ended == {"finished": 3, "diverged": 1}
    recorded = STEPS[::2][:-1]
    assert (len(found.records), len(found.solves)) == (3 * recorded.size, 0)
    setting = ["problem", "method", "precision", "width", "seed", "learning_rate", "step"]
    first, last = (found.records.iloc[i] for i in (0, -1))
    assert list(first[setting]) == ["poisson1d", "fd", "float32", 7, 0, 1e-3, 0]
    assert list(last[setting][-3:]) == [3, 1e-4, recorded[-1]]
    for one in found.records.to_dict("records"):  # the invented losses fall as exp(-step / 300)
        rates = [one[outcome.name] for outcome in RECORDS if outcome.name.startswith("rate")]
        np.testing.assert_allclose(rates, 1 / (300 * one["learning_rate"]), rtol=1e-9)
        row = list(STEPS).index(one["step"])
        assert one["loss/interior_ad64"] == table["loss/interior_ad64"][row, one["seed"]]


def test_half_done_and_damaged_runs_are_left_out_and_counted(tmp_path):
    for i in range(9):
        finished_run(tmp_path / f"{i}_run", seed=i)
    (tmp_path / "1_run" / "result.json").unlink()
    (tmp_path / "2_run" / "spectra.npz").write_bytes(b"PK")
    (tmp_path / "3_run" / "metrics.csv").unlink()
    (tmp_path / "4_run" / ".hydra" / "config.yaml").write_text("precision: [")
    lines = (tmp_path / "5_run" / "metrics.csv").read_text().splitlines(keepends=True)
    (tmp_path / "5_run" / "metrics.csv").write_text("".join(lines[:1] + lines[2:3]))
    (tmp_path / "6_run" / "result.json").write_text("{}")
    for name, lost in (("7_run", "pde"), ("8_run", "seed")):
        result = json.loads((tmp_path / name / "result.json").read_text())
        here = result if lost in result else result["members"][0]
        del here[lost]
        (tmp_path / name / "result.json").write_text(json.dumps(result))
    found = find_cases(tmp_path)
    assert found.ended == {"finished": 1, "unfinished": 3, "damaged": 5}
    assert set(found.records["seed"]) == {0}


def test_nothing_to_study_is_told_in_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    finished_run(tmp_path / "run", 2, {0: 1, 1: 1})
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"error: {tmp_path}: no ") for line in lines)


# what is reported


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_report_says_whether_the_claim_holds_in_whole_tables(sign):
    cases = pd.DataFrame(
        case(10.0 + h, (10.0 + h) ** sign, method, seed=h, width=width)
        for width in (10, 20)
        for method in ("ad", "fd")
        for h in range(8)
    )
    text = report(Study(cases, pd.DataFrame(), {"finished": 32, "diverged": 3}))
    assert "3 diverged, 32 finished" in text
    tables = [b.strip().splitlines() for b in text.split("\n\n") if b.strip().startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table}) == len({len(line) for line in table}) == 1
    text = text.split(f"### {ERROR}\n")[1].split("###")[0]
    named = "7 (all; poisson1d; ad; fd; float64; poisson1d, float64, ad; poisson1d, float64, fd)"
    claimed, opposite = (named, "none") if sign < 0 else ("none", named)
    assert f"as claimed in {claimed}; the opposite in {opposite}; neither in 0." in text
    assert f"the sign is as claimed in {2 if sign < 0 else 0} of 2" in text
    assert f"median {sign:.2f}, from {sign:.2f} to {sign:.2f}" in text


def test_the_figure_has_every_case_in_the_panel_of_its_problem():
    groups = [("poisson1d", "ad"), ("poisson1d", "fd"), ("biharmonic", "ad")]
    cases = pd.DataFrame(
        {"problem": problem, "method": method, "precision": "float32", "H": h * (i + 1)}
        | {"error": h**2, "rate": h - 0.2}
        for i, (problem, method) in enumerate(groups)
        for h in (0.1, 0.2, 0.3)
    )
    outcomes = [Outcome(name, 1, "", label=name) for name in ("error", "rate")]
    figure = indicator_figure("H", cases, outcomes)
    of_problem = [cases[cases["problem"] == problem] for problem in ("poisson1d", "biharmonic")]
    for axes, (outcome, inside) in zip(
        figure.axes, [(o.name, one) for o in outcomes for one in of_problem], strict=True
    ):
        drawn = np.concatenate([line.get_xydata() for line in axes.lines])
        np.testing.assert_array_equal(drawn, inside[["H", outcome]])
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log", "symlog", "symlog"]
    assert {axes.get_xscale() for axes in figure.axes} == {"linear"}
    colours = {line.get_color() for line in figure.axes[0].lines}
    assert colours == {method_colour("ad"), method_colour("fd")}


def test_a_real_sweep_is_studied(tmp_path, capsys):
    solve = ["experiment=indicators_rfm", "pde=poisson1d", "model.width=12", "seed=0,1"]
    train = ["experiment=indicators_2d", "method=ad", "model.width=6", "precision=float32"]
    train += ["points.per_axis=5", "max_steps=30", "log_every=10", "spectrum.every=10"]
    for script, overrides in (("rfm_solve.py", solve), ("train.py", train)):
        folder = f"hydra.sweep.dir={tmp_path / script}"
        done = run_here(script, *overrides, folder, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    found = find_cases(tmp_path)
    methods = set(found.solves["method"])
    assert {"ad", "fd"} <= methods
    assert (len(found.solves), len(found.records)) == (2 * len(methods), 10 * 3)
    results = [json.loads(path.read_text()) for path in tmp_path.rglob("result.json")]
    wanted = {r["truncated_entropy"] for r in results if "members" not in r}
    np.testing.assert_allclose(sorted(found.solves["H"]), sorted(wanted), rtol=1e-12)
    assert set(found.records["learning_rate"]) == {1e-3, 1e-3 / 4}
    assert (found.records[RESIDUAL_RATE] > 0).all()
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == (tmp_path / "indicators.md").read_text().strip()
    for name in ("indicators_rfm.png", "indicators_nn.png"):
        assert imread(tmp_path / name).std() > 0
