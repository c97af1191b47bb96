"""The report in Debian's Chromium: what a reader sees of it, moves in it and prints of it."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from chromium import MISSING, PHONE, chromium
from ensembles import write_run
from scripts import ROOT, run_folders, run_here

from pinnspectra.recorded import read_spectra
from pinnspectra.report.__main__ import main as report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"make test-browser installs {', '.join(MISSING)}"),
]

SEEN = ROOT / "outputs" / "browser"
"""Where the screenshots are left."""

WIDTHS = (1400, 390)

CANVASES = {
    "loss": "loss",
    "spectrumLeft": "spectrum-left",
    "spectrumRight": "spectrum-right",
    "entropyLoss": "entropy-loss",
    "entropySteps": "entropy-steps",
    "truncation": "truncation",
}
"""The id of each chart's canvas."""

MISSING_VALUES = ("", "–", "—", "-")

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><h1>gone</h1>")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sweep of training runs, AD and FD with two seeds."""
    cwd = tmp_path_factory.mktemp("trained")
    sweep = ("-m", "method=ad,fd", "seed=0,1", "logger=[csv]", "spectrum.every=20")
    small = ("model.width=10", "points.per_axis=16", "max_steps=100", "log_every=10")
    assert run_here("train.py", *sweep, *small, cwd=cwd).returncode == 0
    return run_folders(cwd)[0].parent


@pytest.fixture(scope="module")
def page(trained):
    report([str(trained)])
    return trained / "report.html"


@pytest.fixture(scope="module")
def features_page(tmp_path_factory):
    """The page of random feature models."""
    cwd = tmp_path_factory.mktemp("features")
    sweep = ("-m", "method=ad,fd", "model.width=10,20", "points.per_axis=16")
    assert run_here("rfm_solve.py", *sweep, cwd=cwd).returncode == 0
    folder = run_folders(cwd)[0].parent
    report([str(folder)])
    return folder / "report.html"


@pytest.fixture(scope="module")
def sorry_page(tmp_path_factory):
    """The page of runs that failed, diverged and did not end, of ensembles and hostile names."""
    folder = tmp_path_factory.mktemp("sorry")
    write_run(folder / "0_ensemble", 5, {2: 4}, overrides=["ensemble.size=5"])
    write_run(folder / "1_large", 64, {3: 1, 40: 0}, (1e-3, 1e-4), method="ad")
    write_run(folder / "2_diverged", ended={0: 3})
    write_run(folder / "3_half_done")
    (folder / "3_half_done" / "result.json").unlink()
    write_run(folder / "4_failed")
    (folder / "4_failed" / "result.json").unlink()
    text = '{"status": "failed", "error": "%s"}' % HOSTILE[0]
    (folder / "4_failed" / "error.json").write_text(text)
    for i, name in enumerate(HOSTILE):
        write_run(folder / f"{5 + i}_{name.replace('/', ':')}", overrides=[f"pde={name}"])
    report([str(folder)])
    return folder / "report.html"


@pytest.fixture(params=["page", "features_page", "sorry_page"])
def any_page(request):
    return request.param, request.getfixturevalue(request.param)


def cells(browser, name):
    """The texts of a column, of the rows that are shown, from top to bottom."""
    names = [heading.text for heading in browser.every("#runs thead th")]
    at = next(i for i, text in enumerate(names) if text.split("\n")[0].strip() == name)
    rows = browser.every("#runs tbody tr:not([hidden])")
    return [row.find_elements("css selector", "th, td")[at].text.strip() for row in rows]


def number(text):
    """A cell's number; None where there is none."""
    try:
        return float(text.replace("−", "-").replace("\u2009", "").replace(",", ""))
    except ValueError:
        return None


def charts(browser, script, *arguments):
    """What a script gets from pinnspectraCharts, which it calls charts."""
    return browser.run(f"const charts = window.pinnspectraCharts; {script}", *arguments)


def drawn(browser, chart):
    """The data of a chart: (points, 2) of each of its lines that has more than two points, by label."""
    lines = charts(
        browser,
        """const chart = charts[arguments[0]];
        return chart.data.datasets.map((set) => [set.label ?? "", set.data.map((point, i) =>
          typeof point === "object" && point !== null && !Array.isArray(point)
            ? [point.x, point.y] : Array.isArray(point) ? point : [chart.data.labels[i], point])])""",
        chart,
    )
    return {
        label: np.array(points, float) for label, points in lines if len(points) > 2 and points
    }


def settled(browser):
    """Wait until nothing moves."""
    browser.driver.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    )


def sorry(violations):
    """What axe-core calls serious or critical, in lines."""
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:200]}"
        for found in violations
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def looked_at(browser, name):
    """Leave a screenshot."""
    browser.screenshot(SEEN / f"{name}.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_needs_nothing_but_its_file_and_excludes_no_one(browser, any_page, width, dark):
    name, page = any_page
    browser.open(page, width, dark)
    settled(browser)
    looked_at(browser, f"{name}-{width}-{'dark' if dark else 'light'}")
    assert browser.messages() == []
    asked = {url.split(":")[0] for url in browser.requests()}
    assert asked <= {"file", "data"}
    assert sorry(browser.axe()) == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return document.body.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_is_drawn_and_has_a_name(browser, any_page, width):
    _, page = any_page
    browser.open(page, width)
    for chart in charts(browser, "return Object.keys(charts).filter((name) => charts[name])"):
        canvas = browser.find(f"canvas#{CANVASES[chart]}")
        assert canvas.is_displayed(), chart
        assert canvas.get_attribute("role") == "img"
        assert canvas.get_attribute("aria-label")
        assert 100 < canvas.size["height"] <= canvas.size["width"] * 1.5


def test_axes_are_logarithmic(browser, page):
    browser.open(page)
    for chart, axes in {"loss": "y", "spectrumLeft": "y", "spectrumRight": "y", "entropyLoss": "y"}.items():
        scales = charts(browser, "return Object.values(charts[arguments[0]].scales).map((s) => [s.axis, s.type])", chart)
        assert [axes, "logarithmic"] in scales, chart


def test_the_slider_shows_the_spectrum_of_its_step(browser, page, trained):
    browser.open(page)
    found = {
        folder.name: read_spectra(folder / "spectra.npz")
        for folder in trained.iterdir()
        if (folder / "spectra.npz").exists()
    }
    slider = browser.find("#step")
    steps = next(iter(found.values()))["steps"]
    assert int(slider.get_attribute("max")) - int(slider.get_attribute("min")) == len(steps) - 1
    slider.send_keys(*["\ue012"] * len(steps))  # to the left as often as there are steps
    seen = []
    for k, step in enumerate(steps):
        assert str(step) in browser.find("#step-value").text.replace("\u202f", "").replace(" ", "")
        for chart in ("spectrumLeft", "spectrumRight"):
            lines = [line for line in drawn(browser, chart).values() if len(line) > 5]
            close = [
                name
                for name, spectrum in found.items()
                if any(same(line, spectrum["eigenvalues"][k, 0]) for line in lines)
            ]
            seen.append((step, chart, tuple(close)))
        slider.send_keys("\ue014")
    missing = [entry for entry in seen if not entry[2]]
    assert missing == []
    methods = {chart: {names for _, c, names in seen if c == chart} for chart in ("spectrumLeft", "spectrumRight")}
    assert methods["spectrumLeft"] != methods["spectrumRight"]
