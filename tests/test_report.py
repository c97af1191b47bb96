"""The report: one page of all runs under a folder, whatever state the runs are in."""

import itertools
import json
import re
import shlex
import shutil
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import ensembles
import numpy as np
import pytest
import yaml
from ensembles import write_solve
from reported import change_arrays, change_result, with_solution, write_job, write_sweep
from scripts import run_folders, run_here

from pinnspectra.commands.report import main
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.machine import machine
from pinnspectra.show.report import charts
from pinnspectra.show.report.claim import claim
from pinnspectra.show.report.curves import evenly, leading
from pinnspectra.show.report.settings import differences, settings
from pinnspectra.show.report.words import number

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "<!--<script>",
    "{{ 7 * 7 }} ' & $x$ \u2028",
)


class Page(HTMLParser):
    """What a page says: its table of runs, its texts by section, its tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.sections, self.tags, self.scripts = [], {}, [], []
        self.section, self.columns, self.cell, self.script = "", [], None, None
        self.in_runs = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.section = given["id"] if tag == "section" else self.section
        if tag == "table":
            self.in_runs = given.get("id") == "runs"
        if self.in_runs and tag == "button":
            self.columns.append(given["data-column"])
        if self.in_runs and tag == "tr":
            self.rows.append([])
        if self.in_runs and tag in ("td", "th") and "data-value" in given:
            self.cell = [given["data-value"], ""]
            self.rows[-1].append(self.cell)
        if tag == "script":
            self.script = [given.get("type"), ""]
            self.scripts.append(self.script)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None
        if tag == "script":
            self.script = None

    def handle_data(self, data):
        if self.script:
            self.script[1] += data
            return
        self.sections[self.section] = self.sections.get(self.section, "") + data
        if self.cell:
            self.cell[1] += data

    @property
    def table(self):
        return [
            {c: value for c, (value, _) in zip(self.columns, row, strict=True)}
            for row in self.rows
            if row
        ]

    @property
    def data(self):
        return json.loads(next(text for kind, text in self.scripts if kind == "application/json"))

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def said(self, section):
        return " ".join(self.sections.get(section, "").split())


def page(folder, code=0):
    assert main([str(folder)]) == code
    return Page((folder / "report.html").read_text())


def result(path):
    return json.loads((path / "result.json").read_text())


@pytest.fixture(autouse=True)
def sketched(request, monkeypatch):
    """Pictures without what takes their time, but where a test is about them."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(charts.vl_convert, "vegalite_to_svg", lambda *_, **__: "<svg/>")


@pytest.fixture
def drawn():
    """Asked for by a test that needs the pictures."""


@pytest.fixture
def sweep(tmp_path):
    return tmp_path / "sweep", write_sweep(tmp_path / "sweep")


def test_the_numbers_of_the_table_are_those_of_the_results(sweep):
    folder, jobs = sweep
    for i, path in enumerate(jobs):
        change_result(path, truncated_entropy=0.1 / (i + 1), wall_seconds=1 / 3 + i)
    table = page(folder).table
    assert [row["run"] for row in table] == [
        f"method={m} seed={s}" for m in ("ad", "fd") for s in "01"
    ]
    for row, path in zip(table, jobs, strict=True):
        found = result(path)
        for column in ("loss", "loss_interior_ad64", "truncated_entropy", "wall_seconds"):
            assert float(row[column]) == found[column]
        assert (row["method"], row["status"]) == (found["method"], "finished")


def test_what_all_rows_share_is_said_once(sweep):
    found = page(sweep[0])
    assert not {"pde", "step", "cutoff", "learning_rate"} & set(found.columns)
    told = found.said("runs-section")
    assert all(value in told for value in ("poisson1d", "0.001", "1000", "1e-05"))


def test_whatever_configs_and_logs_hold_is_only_text(tmp_path, drawn):
    folder = tmp_path / "sweep"
    write_sweep(folder, methods=())
    for i, text in enumerate(HOSTILE):
        path = write_job(folder / str(i), seed=i, overrides=[f"seed={i}", f"model.x={text}"])
        (path / ".hydra" / "config.yaml").write_text(json.dumps({"model": {text: text}}))
        change_result(path, pde=text, status="failed", error=text, versions={text: text})
    found = page(folder)
    assert [kind for kind, _ in found.scripts] == ["application/json", *[None] * 4]
    assert all(img["src"].startswith("data:image/") for img in found.of("img"))
    assert not [name for _, attrs in found.tags for name in attrs if name.startswith("on")]
    for section in ("runs-section", "differences", "versions"):
        assert all(" ".join(text.split()) in found.said(section) for text in HOSTILE)
    curves = found.data["curves"]
    assert [curve["name"] for curve in curves] == [row["run"] for row in found.table]
    assert all(text in curve["name"] for text, curve in zip(HOSTILE, curves, strict=True))


def test_the_page_asks_for_nothing_and_runs_no_scripts_but_its_own(sweep, drawn):
    for path in sweep[1]:
        with_solution(path, 9, 2)
    found = page(sweep[0])
    (policy,) = (m["content"] for m in found.of("meta") if "http-equiv" in m)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = [sha256(text.encode()).digest() for kind, text in found.scripts if kind is None]
    assert rules["script-src"].split() == [f"'sha256-{b64encode(h).decode()}'" for h in hashes]
    assert {rules[name] for name in ("default-src", "base-uri", "form-action")} == {"'none'"}
    links = [a[key] for _, a in found.tags for key in ("src", "href") if key in a]
    assert all(re.match(r"data:|#|method=|method%3D", link) for link in links)
    assert not [a for tag, a in found.tags if tag in ("link", "iframe") and a["href"] != "data:,"]
    assert "sourceMappingURL" not in (sweep[0] / "report.html").read_text()


def test_every_picture_is_described_by_numbers_and_every_control_is_labelled(sweep):
    found = page(sweep[0])
    assert all(re.search(r"\d", img["alt"]) for img in found.of("img"))
    labelled = {label.get("for") for label in found.of("label")}
    free = {"loss-log-x", "loss-believed", "loss-true", "paths"}  # inside their labels
    controls = [*found.of("input"), *found.of("select")]
    assert {control["id"] for control in controls} - labelled == free
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_charts_have_the_numbers_of_the_arrays(sweep):
    folder, jobs = sweep
    eigenvalues = np.load(jobs[3] / "spectra.npz")["eigenvalues"]
    eigenvalues[1, 0, 3] *= 7
    spectra = change_arrays(jobs[3] / "spectra.npz", eigenvalues=eigenvalues)
    data = page(folder).data
    assert data["pair"] == [0, 2]  # ad and fd of the same seed
    curve = data["curves"][3]
    drawn = curve["spectrum"]
    assert drawn["step"] == spectra["steps"].tolist()
    np.testing.assert_allclose(drawn["eigenvalue"], spectra["eigenvalues"][:, 0], 1e-3)
    np.testing.assert_allclose(drawn["floor"], spectra["floor"][0] ** 2, 1e-3)
    metrics = ensembles.metrics(1)
    np.testing.assert_allclose(curve["loss"]["believed"], metrics["loss/interior"][:, 0], 1e-3)
    np.testing.assert_allclose(curve["loss"]["true"], metrics["loss/interior_ad64"][:, 0], 1e-3)
    np.testing.assert_allclose(
        curve["entropy"]["truncated_entropy"], spectra["truncated_entropy"][:, 0], 1e-3
    )
    assert [p["loss"] for p in data["points"]] == pytest.approx(
        [result(p)["loss"] for p in jobs], 1e-5
    )


def test_e_is_the_recorded_one_and_on_the_curve(tmp_path):
    path = write_job(tmp_path / "run")
    sigma = np.geomspace(1, 1e-6, 1000) * np.ones((len(ensembles.STEPS[:: ensembles.EVERY]), 1, 1))
    e = (sigma**2 >= 1e-5).sum(axis=-1)
    change_arrays(
        path / "spectra.npz",
        singular_values=sigma,
        eigenvalues=sigma**2,
        floor=sigma[-1] * 1e-3,
        effective_cutoff=e,
    )
    drawn = page(path).data["curves"][0]["spectrum"]
    assert len(drawn["index"]) <= 120
    assert (drawn["index"][0], drawn["index"][-1]) == (1, 1000)
    assert drawn["e"] == e[:, 0].tolist()
    assert drawn["e"][-1] in drawn["index"]
    assert drawn["at"][-1] == drawn["eigenvalue"][-1][drawn["index"].index(drawn["e"][-1])]


@pytest.mark.parametrize("used", [1, 500, 777, 1000])
def test_the_solution_taken_is_on_the_drawn_curve(tmp_path, used):
    path = write_job(tmp_path / "run")
    error = write_solve(path, 1000)
    change_result(path, truncation_position=used)
    drawn = page(path).data["curves"][0]["truncation"]
    assert len(drawn["position"]) <= 120
    at = drawn["position"].index(drawn["used"])
    assert drawn["error"][at] == pytest.approx(error[used - 1], 1e-3)


@pytest.mark.parametrize(("size", "most"), [(1, 10), (10, 10), (11, 10), (5000, 120)])
def test_thinning_keeps_the_first_and_the_last(size, most):
    for taken in (evenly(size, most), leading(size, most)):
        assert taken[0] == 0
        assert taken[-1] == size - 1
        assert len(taken) <= most or size <= most
        assert (np.diff(taken) > 0).all()
    assert (leading(5000, 120)[:60] == np.arange(60)).all()
    marked = leading(5000, 120, [4321])
    assert 4321 in marked
    assert len(marked) <= 120
    assert marked[-1] == 4999


def test_an_ensemble_has_the_band_and_the_median_of_its_members(tmp_path):
    ended = {2: 4}
    write_job(tmp_path / "sweep" / "a", size=5, ended=ended)
    write_job(tmp_path / "sweep" / "b", "fd", size=40, rates=(1e-3, 1e-4))
    found = page(tmp_path / "sweep")
    data = found.data
    assert [curve["name"] for curve in data["curves"]] == ["a", "b, lr = 0.001", "b, lr = 0.0001"]
    kept = np.delete(ensembles.metrics(5, ended)["loss/interior"], 2, axis=1)
    for name, take in (("low", np.min), ("believed", np.median), ("high", np.max)):
        np.testing.assert_allclose(data["curves"][0]["loss"][name], take(kept, axis=1), 1e-3)
    assert len(data["points"]) == 4 + 40
    assert [row["member"] for row in found.table] == [*"01234", *["min", "median", "max"] * 2]
    assert "1 diverged" in found.said("claim")


def test_the_page_shows_u_and_its_error(sweep):
    folder, jobs = sweep
    with_solution(jobs[0], 33, 1)
    with_solution(jobs[1], 9, 2)
    with_solution(jobs[2], 4, 3)
    change_result(jobs[1], pde="poisson2d")
    change_result(jobs[2], pde="poisson3d")
    found = page(folder)
    images = [img for img in found.of("img") if "u" in img["alt"].split(",")[0].split()]
    solution = np.load(jobs[1] / "solution.npz")
    worst = np.abs(solution["solution"] - solution["exact"]).max()
    assert f"max |u - u*| = {number(worst)}" in found.said("solutions")
    kinds = [img["src"].split(";")[0] for img in images]
    assert kinds.count("data:image/png") == 2
    assert kinds.count("data:image/svg+xml") == 1


def test_random_features_have_their_spectrum_and_their_truncation(tmp_path):
    done = run_here(
        "rfm_solve.py", "-m", "method=ad,fd", "model.width=20", "points.per_axis=20", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    paths = run_folders(tmp_path)
    folder = paths[0].parent
    assert done.stdout.splitlines()[-1].endswith("report.html")
    found = Page((folder / "report.html").read_text())
    (drawn,) = (curve for curve in found.data["curves"] if curve["run"] == 1)
    arrays = np.load(paths[1] / "spectrum.npz")
    np.testing.assert_allclose(
        drawn["spectrum"]["singular_value"][0], arrays["singular_values"], 1e-3
    )
    np.testing.assert_allclose(
        drawn["truncation"]["error"], arrays["relative_training_error"], 1e-3
    )
    ids = {place["id"] for place in found.of("div") if place.get("class") == "chart"}
    assert ids == {"spectrum-left", "spectrum-right", "truncation", "entropy-loss"}
    assert "losses" not in found.sections
    assert result(paths[0])["machine"] == machine()
    assert shlex.split(found.said("commands").split("All runs")[1].split("Run by run")[0]) == [
        *("python", "rfm_solve.py", "-m", "method=ad,fd", "model.width=20", "points.per_axis=20")
    ]


def test_the_claim_is_the_median_over_pairs_of_runs_that_share_all_but_the_method(sweep):
    folder, jobs = sweep  # ad 0, ad 1, fd 0, fd 1
    for path, loss, H in zip(jobs, (1e-3, 1.0, 2e-3, 4.0), (0.02, 0.04, 0.01, 0.03), strict=True):
        change_result(path, loss_interior_ad64=loss, truncated_entropy=H)
    (said,) = claim(find_runs(folder))
    values = ("1\u202f000 gradient", "3 times", "2 pairs, 2 to 4", "0.0300 (ad)", "0.0200 (fd)")
    assert all(value in said for value in values)
    change_result(jobs[0], status="diverged")
    (jobs[3] / "result.json").unlink()
    compared, left_out = claim(find_runs(folder))
    assert "times" not in compared
    assert "1 diverged and 1 unfinished" in left_out


def test_the_claim_of_runs_that_are_no_pair_compares_nothing(tmp_path):
    path = write_job(tmp_path / "ad")
    change_result(path, loss_interior_ad64=1.25e-7)
    (said,) = claim(find_runs(tmp_path))
    assert said.endswith("true interior loss 1.25e-7.")
    write_job(tmp_path / "fd", "fd", seed=1)
    (said,) = claim(find_runs(tmp_path))
    assert "2 runs of ad and fd on poisson1d" in said
    assert "times" not in said


def test_the_claim_doubts_entropies_that_cannot_be_compared(tmp_path):
    first, second = write_sweep(tmp_path, seeds=(0,))
    change_result(second, cutoff=1e-3)
    assert "at cut-offs that differ" in claim(find_runs(tmp_path))[0]
    change_result(second, cutoff=1e-5, cutoff_below_precision=True)
    assert "noise" in claim(find_runs(tmp_path))[0]
    change_result(first, loss_interior_ad64=1.0)
    change_result(second, loss_interior_ad64=1.0001)
    assert "the same as ad's within 0.5 %" in claim(find_runs(tmp_path))[0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (10000, "10\u202f000"),
        (0.02, "0.0200"),
        (345123.4, "345\u202f000"),
        (3.4e-7, "3.40e-7"),
        (1.25e9 + 0.5, "1.25e9"),
        (1.0, "1"),
    ],
)
def test_numbers_are_the_same_in_every_country(value, said):
    assert number(value) == said


def test_runs_that_did_not_finish_are_shown_with_the_reason(sweep):
    folder, (first, second, third, _) = sweep
    change_result(first, status="diverged", error="the loss is not finite at gradient step 7")
    (second / "result.json").unlink()
    for name in ("result.json", "metrics.csv", "spectra.npz"):
        (third / name).unlink()
    refused = {"status": "refused", "error": "model.width=0: too small"}
    (third / "error.json").write_text(json.dumps(refused))
    found = page(folder)
    told = [row["status"] for row in found.table]
    assert told == ["diverged", "unfinished", "refused", "finished"]
    told = found.said("runs-section")
    for reason in ("gradient step 7", "the same command goes on", "model.width=0: too small"):
        assert reason in told
    shapes = [row[found.columns.index("status")][1].split()[0] for row in found.rows if row]
    assert len(set(shapes)) == 4  # not by colour alone


@pytest.mark.parametrize("name", ["result.json", "spectra.npz", "solution.npz"])
def test_a_damaged_file_is_told_in_one_line_and_the_rest_is_shown(sweep, name, capsys):
    folder, jobs = sweep
    with_solution(jobs[0], 9, 1)
    (jobs[0] / name).write_bytes(b"\x00{[ damaged\n")
    found = page(folder, code=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{jobs[0] / name} is damaged" in line
    assert f"{jobs[0].name}/{name} is damaged" in found.said("claim")
    assert len(found.table) == 4
    assert float(found.table[1]["loss"]) == result(jobs[1])["loss"]


@pytest.mark.parametrize("solved", [False, True])
@pytest.mark.parametrize("strange", [[3], {"a": 1}, "x", None, 1e400])
def test_a_result_of_strange_values_does_not_lose_the_page(sweep, strange, solved):
    folder, jobs = sweep
    for path in jobs if solved else ():
        write_solve(path, 9)
    change_result(jobs[0], truncation_position=3)
    keys = [key for key in result(jobs[0]) if key not in ("pde", "method", "config_hash")]
    change_result(jobs[0], **dict.fromkeys(keys, strange))
    change_result(jobs[1], members=[{"learning_rate": strange, "loss": strange, "seed": strange}])
    main([str(folder)])
    assert len(Page((folder / "report.html").read_text()).table) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, 1j, "x"])
def test_an_exact_solution_that_is_no_number_is_not_shown(sweep, value):
    folder, jobs = sweep
    with_solution(jobs[0], 9, 1)
    with_solution(jobs[1], 9, 1)
    change_arrays(jobs[0] / "solution.npz", exact=np.array([*[0.5] * 8, value]))
    main([str(folder)])
    found = Page((folder / "report.html").read_text())
    assert found.said("solutions").count("max |u - u*|") == 1
    assert "max |u - u*| = nan" not in found.said("solutions")


def test_what_cannot_be_made_is_told_in_one_line(sweep, tmp_path, capsys):
    (sweep[0] / "report.html").mkdir()
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none", sweep[0]):
        assert main([str(folder)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert str(folder) in line
    assert not list((tmp_path / "empty").iterdir())


def test_configurations_are_compared_by_the_keys_that_differ(sweep):
    said = page(sweep[0]).said("differences")
    assert all(key in said for key in ("seed", "method._target_"))
    assert not any(key in said for key in ("model.width", "max_steps"))
    trained, solved = {"max_steps": "10", "seed": "0"}, {"boundary_rows": "true", "seed": "1"}
    found, of_some = differences({0: trained, 1: solved, 2: trained | {"max_steps": "9"}})
    assert [difference.key for difference in found] == ["seed"]
    assert of_some == ["max_steps", "boundary_rows"]


def test_methods_have_one_order_whatever_the_runs_have(tmp_path):
    write_sweep(tmp_path, ("other", "fd", "ad"), (0,))
    found = page(tmp_path)
    assert [curve["method"] for curve in found.data["curves"]] == ["ad", "fd", "other"]
    assert "ad, fd and other on poisson1d" in found.said("")


def test_a_value_that_refers_to_another_is_that_one():
    given = {"preset": {"lr": 0.5}, "points": {"n": 64}, "optimizer": {"lr": "${preset.lr}"}}
    given |= {"method": {"step": "${ratio:1,${points.n}}", "other": "${unknown:1}"}}
    found = settings(given | {"logger": {"csv": 1}})
    assert found["optimizer.lr"] == "0.5"
    assert (found["method.step"], found["method.other"]) == ("0.015625", "${unknown:1}")
    assert "logger.csv" not in found


def test_commands_are_what_a_shell_takes_and_go_to_the_same_folder(tmp_path):
    nasty = ["method=ad", "name='a b'", "x=$(rm -rf /)", 'y="q"; echo', "logger=[csv]"]
    job = write_job(tmp_path / "a", overrides=nasty)
    described = yaml.safe_load((job / ".hydra" / "hydra.yaml").read_text())
    described["hydra"]["overrides"] = {"hydra": ["hydra.run.dir=mine", "hydra.mode=RUN"]}
    (job / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(described))
    said = page(tmp_path).said("commands").split("Run by run")[1]
    expected = ["python", "train.py", *nasty, "hydra.run.dir=mine"]
    assert shlex.split(said[said.index("python") :]) == expected


def test_other_versions_and_machines_are_named(sweep):
    for i, path in enumerate(sweep[1]):
        change_result(path, versions={"torch": "2.13.0" if i else "2.12.0"}, machine={"cores": 2})
    found = page(sweep[0])
    assert "not all made alike: torch differ" in found.said("versions")
    assert "2.12.0 method=ad seed=0" in found.said("versions")
    assert "made by different versions" in found.said("claim")


def test_one_run_alone_and_a_folder_of_sweeps_have_a_page_too(sweep, tmp_path):
    assert len(page(sweep[1][0]).table) == 1
    shutil.copytree(sweep[0], tmp_path / "other")
    write_job(tmp_path / "single" / ("long" * 30))
    found = page(tmp_path)
    assert found.said("runs-section").count("other") == 1
    called = [row["run"] for row in found.table]
    assert called[0] == "1 · method=ad seed=0"
    assert called[-1] == "2 · method=fd seed=1"
    assert called[4].startswith("longlong")
    assert len(called[4]) <= 48


def test_the_page_is_the_same_every_time(sweep, drawn):
    page(sweep[0])
    first = (sweep[0] / "report.html").read_bytes()
    page(sweep[0])
    assert (sweep[0] / "report.html").read_bytes() == first


def test_a_sweep_of_fifty_runs_is_less_than_three_megabytes(tmp_path, monkeypatch, drawn):
    """As poisson2d with M = 100: 400 eigenvalues at 11 steps, 64 x 64 points, 101 rows."""
    monkeypatch.setattr(ensembles, "STEPS", np.arange(0, 10001, 100))
    monkeypatch.setattr(ensembles, "EVERY", 10)
    first, *others = write_sweep(tmp_path, seeds=range(25))
    with_solution(first, 64, 2)
    sigma = 10.0 ** np.random.default_rng(0).uniform(-9, 3, (11, 1, 400))
    change_arrays(
        first / "spectra.npz", singular_values=sigma, eigenvalues=sigma**2, floor=sigma[-1]
    )
    for path, name in itertools.product(others, ("solution.npz", "spectra.npz")):
        shutil.copy(first / name, path)
    found = page(tmp_path)
    assert len(found.table) == 50
    assert len(found.data["curves"]) == 50
    assert Path(tmp_path / "report.html").stat().st_size < 3e6
