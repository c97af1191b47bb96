"""The report in Debian's Chromium: what a reader sees of it, moves in it and prints of it."""

import json
import math
import re
import shutil
import time

import numpy as np
import pytest
from chromium import MISSING, chromium
from ensembles import write_run
from scripts import ROOT, run_folders, run_here

from pinnspectra.commands.report import main as report
from pinnspectra.runs.folder import SWEEP
from pinnspectra.runs.found import run_at

if not MISSING:
    from selenium.webdriver import ActionChains, Keys
    from selenium.webdriver.support.select import Select

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"make test-browser installs {', '.join(MISSING)}"),
]

SEEN = ROOT / "outputs" / "browser"
"""Where the screenshots are left."""

WIDTHS = (1400, 390)

A4 = 688
"""Its width between the margins; a page that is up to twice as wide is printed smaller."""

HOSTILE = ("<script>broken=1</script>", '"><img src=x onerror=broken=1>', "</script><h1>gone</h1>")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def unpictured():
    """No figures beside the runs, which spares half of the time; the report has its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinnspectra.show.figures.save", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, unpictured):
    """A sweep of training runs, AD and FD with two seeds."""
    cwd = tmp_path_factory.mktemp("trained")
    sweep = ("-m", "method=ad,fd", "seed=0,1", "logger=[csv]", "spectrum.every=20")
    small = ("model.width=10", "points.per_axis=16", "max_steps=100", "log_every=10")
    assert run_here("train.py", *sweep, *small, cwd=cwd).returncode == 0
    return run_folders(cwd)[0].parent


@pytest.fixture(scope="module")
def page(trained):
    """The page that the sweep wrote at its end."""
    return trained / "report.html"


@pytest.fixture(scope="module")
def features_page(tmp_path_factory, unpictured):
    """The page that a sweep of random feature models wrote at its end."""
    cwd = tmp_path_factory.mktemp("features")
    sweep = ("-m", "method=ad,fd", "model.width=10,20", "points.per_axis=16")
    assert run_here("rfm_solve.py", *sweep, cwd=cwd).returncode == 0
    return run_folders(cwd)[0].parent / "report.html"


@pytest.fixture(scope="module")
def sorry_page(tmp_path_factory):
    """The page of ensembles and of runs that failed, diverged and did not end."""
    folder = tmp_path_factory.mktemp("sorry")
    write_run(folder / "0_ensemble", 5, {2: 4}, overrides=["ensemble.size=5"])
    write_run(folder / "1_large", 64, {3: 1, 40: 0}, (1e-3, 1e-4), method="ad")
    write_run(folder / "2_diverged", ended={0: 3})
    write_run(folder / "3_half_done")
    (folder / "3_half_done" / "result.json").unlink()
    write_run(folder / "4_failed")
    (folder / "4_failed" / "result.json").unlink()
    failure = {"status": "failed", "error": "torch: out of memory"}
    (folder / "4_failed" / "error.json").write_text(json.dumps(failure))
    report([str(folder)])
    return folder / "report.html"


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """The page of a sweep in which every text that a user, or anyone, can set is a script."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / SWEEP).touch()
    for i, text in enumerate(HOSTILE):
        path = folder / f"{i}_{text.replace('/', ':')}"
        write_run(path, overrides=[json.dumps(f"pde={text}")])
        (path / ".hydra" / "config.yaml").write_text(
            json.dumps({"method": text, text: {"a": text}})
        )
        result = json.loads((path / "result.json").read_text())
        result |= {"pde": text, "method": text, "seed": text, "machine": {"system": text}}
        result |= {"versions": {"torch": text, text: "1"}}
        (path / "result.json").write_text(json.dumps(result))
    failed = folder / "failed"
    write_run(failed)
    (failed / "result.json").unlink()
    (failed / "error.json").write_text(json.dumps({"status": HOSTILE[0], "error": HOSTILE[2]}))
    report([str(folder)])
    return folder / "report.html"


@pytest.fixture(scope="module")
def mixed_page(tmp_path_factory, trained, features_page, sorry_page):
    """The page of all that there is under outputs/, whose names are long."""
    folder = tmp_path_factory.mktemp("mixed")
    for sweep in (trained, features_page.parent, sorry_page.parent):
        shutil.copytree(sweep, folder / sweep.relative_to(sweep.parent.parent))
    report([str(folder)])
    return folder / "report.html"


@pytest.fixture(params=["page", "features_page", "sorry_page", "hostile_page", "mixed_page"])
def any_page(request):
    return request.param, request.getfixturevalue(request.param)


def charts(browser):
    """The charts that a page has."""
    return browser.run("return Object.keys(window.pinnspectraCharts)")


def marks(browser, chart, name):
    """The marks of a layer of a chart: what of each is on the screen, and its row."""
    return browser.run(
        """const [chart, name] = arguments, found = [];
        const { view } = window.pinnspectraCharts[chart];
        (function walk(mark) {
          if (mark.name === `${name}_marks`) found.push(...mark.items);
          for (const item of mark.items || []) (item.items || []).forEach(walk);
        })(view.scenegraph().root);
        const [left, top] = view.origin();
        return found.map(({ x, y, datum }) => ({ ...datum, at: [x + left, y + top] }))""",
        chart,
        name,
    )


def drawn(browser, chart, name, *columns):
    """Columns of a layer of a chart, (n,) each."""
    rows = marks(browser, chart, name)
    return [np.array([row[column] for row in rows], float) for column in columns]


def settle(browser):
    """Wait until two frames are drawn."""
    wait = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    browser.driver.execute_async_script(wait)


def serious(violations):
    """What axe-core calls serious or critical, a line an element."""
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:200]}"
        for found in violations
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def spectra(folder):
    """The spectra of a sweep's runs, by method and seed."""
    found = {}
    for path in folder.glob("*/result.json"):
        run = run_at(path.parent, path.parent.name)
        found[run.method, run.result["seed"]] = run.spectra
    return found


# ---- how it looks and what it asks for


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_needs_nothing_but_its_file_and_excludes_no_one(browser, any_page, width, dark):
    name, page = any_page
    browser.open(page, width, dark)
    settle(browser)
    browser.screenshot(SEEN / f"{name}-{width}-{'dark' if dark else 'light'}.png")
    assert browser.messages() == []
    assert {url.split(":")[0] for url in browser.requests()} <= {"file", "data"}
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert serious(browser.axe()) == []
    assert charts(browser)
    for chart in charts(browser):
        assert re.search(r"\d", browser.find(f"#{chart}").get_attribute("aria-label")), chart
        canvas = browser.find(f"#{chart} canvas")
        assert canvas.is_displayed(), chart
        assert min(canvas.size.values()) > 250, chart
        assert ink(browser, canvas) > 0.005, chart


def ink(browser, canvas):
    """The share of a canvas that is not empty."""
    return browser.run(
        """const [canvas] = arguments, context = canvas.getContext("2d");
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        let drawn = 0;
        for (let i = 3; i < data.length; i += 4) drawn += data[i] > 0;
        return drawn / (data.length / 4)""",
        canvas,
    )


def test_a_page_turns_dark_with_the_system_while_it_is_open(browser, page):
    browser.open(page)
    seen = []
    for dark in (False, True, False):
        browser.colours(dark)
        settle(browser)
        colours = """const { backgroundColor, color } = getComputedStyle(document.body);
            const canvas = document.querySelector("#loss canvas");
            return [backgroundColor, color, canvas.toDataURL()]"""
        seen.append(browser.run(colours))
    light, dark, again = seen
    assert light == again
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert sum(channels(light[0])) > 3 * 200 > 3 * 80 > sum(channels(dark[0]))


def channels(colour):
    return [int(value) for value in re.findall(r"\d+", colour)[:3]]


def test_without_scripts_pictures_and_tables_stand_in(browser, any_page):
    name, page = any_page
    browser.open(page, scripts=False)
    browser.screenshot(SEEN / f"{name}-without-scripts.png")
    assert browser.messages() == []
    assert len(browser.every("#runs tbody tr")) > 1
    assert_pictures_stand_in(browser)
    assert not any(map(shown, browser.every("output")))


def test_print_has_the_pictures_and_no_controls(browser, any_page):
    name, page = any_page
    browser.open(page, dark=True)
    pdf = browser.pdf()
    (SEEN / f"{name}.pdf").write_bytes(pdf)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 1
    browser.open(page, A4)
    browser.command("Emulation.setEmulatedMedia", media="print", features=[])
    assert_pictures_stand_in(browser)
    assert browser.run("return document.documentElement.scrollWidth") < 2 * A4
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert background in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")


def assert_pictures_stand_in(browser):
    """Every picture is there, whole and described; what only scripts move is not."""
    pictures = browser.every("main img")
    assert pictures
    for picture in pictures:
        assert shown(picture)
        assert picture.get_property("naturalWidth") > 0
        assert len(picture.get_attribute("alt")) > 20
    assert not any(map(shown, browser.every("canvas, input, select")))


def shown(element):
    return element.is_displayed() and element.size["height"] > 0


# ---- the charts


def test_steps_are_logarithmic_where_asked_and_losses_always(browser, page):
    browser.open(page)
    for logarithmic in (False, True):
        step, loss = drawn(browser, "loss", "believed_near", "step", "believed")
        x, y = np.array([mark["at"] for mark in marks(browser, "loss", "believed_near")]).T
        along = np.log(step) if logarithmic else step
        assert abs(np.corrcoef(along, x)[0, 1]) > 0.9999
        assert abs(np.corrcoef(np.log(loss), y)[0, 1]) > 0.9999
        browser.find("#loss-log-x").click()


@pytest.mark.parametrize("kind", ["believed", "true"])
def test_believed_and_true_losses_are_hidden_where_asked(browser, page, kind):
    browser.open(page)
    browser.find(f"#loss-{kind}").click()
    settle(browser)
    left = [name for name in ("believed", "true") if marks(browser, "loss", f"{name}_line")]
    assert left == [name for name in ("believed", "true") if name != kind]


def test_the_slider_shows_the_spectrum_of_its_step(browser, page, trained):
    browser.open(page)
    recorded = spectra(trained)
    steps = recorded["ad", 0].steps
    slider = browser.find("#step")
    slider.send_keys(Keys.HOME)
    for k, step in enumerate(steps):
        assert browser.find("#step-value").text == f"step {step}"
        assert f"step {step}" in slider.get_attribute("aria-valuetext")
        settle(browser)
        for chart, method in {"spectrum-left": "ad", "spectrum-right": "fd"}.items():
            assert_spectrum(browser, chart, recorded[method, 0], k)
        slider.send_keys(Keys.ARROW_RIGHT)
    assert browser.find("#step-value").text == f"step {steps[-1]}"


def assert_spectrum(browser, chart, recorded, k):
    """A chart shows the positive ones of the k-th spectrum."""
    index, values = drawn(browser, chart, "eigenvalue_points", "index", "eigenvalue")
    eigenvalues = recorded.eigenvalues[k, 0]
    assert len(index) == (eigenvalues > 0).sum()
    np.testing.assert_allclose(values, eigenvalues[index.astype(int) - 1], rtol=2e-3)


def test_the_slider_is_moved_by_a_pointer(browser, page, trained):
    browser.open(page)
    slider = browser.find("#step")
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", slider)
    left = 4 - slider.size["width"] // 2
    ActionChains(browser.driver).move_to_element_with_offset(slider, left, 0).click().perform()
    settle(browser)
    assert browser.find("#step-value").text == f"step {spectra(trained)['ad', 0].steps[0]}"
    assert_spectrum(browser, "spectrum-left", spectra(trained)["ad", 0], 0)


def test_either_side_shows_the_run_that_is_chosen(browser, page, trained):
    browser.open(page)
    for side in ("left", "right"):
        Select(browser.find(f"#{side}")).select_by_visible_text("method=fd seed=1")
        settle(browser)
        assert_spectrum(browser, f"spectrum-{side}", spectra(trained)["fd", 1], -1)


def test_cutoff_and_floor_are_drawn_with_the_spectrum(browser, page, trained):
    browser.open(page)
    recorded = spectra(trained)["fd", 0]
    cutoff = json.loads(next(trained.glob("*fd*/result.json")).read_text())["cutoff"]
    (level,) = drawn(browser, "spectrum-right", "cut_off", "level")
    np.testing.assert_allclose(level, cutoff * recorded.eigenvalues[-1, 0, 0], rtol=2e-3)
    index, floor = drawn(browser, "spectrum-right", "floor", "index", "floor")
    np.testing.assert_allclose(floor, recorded.floor[0, index.astype(int) - 1], rtol=2e-3)
    assert drawn(browser, "spectrum-right", "e", "e") == [[recorded.effective_cutoff[-1, 0]]]


def test_losses_are_those_of_metrics_csv(browser, page, trained):
    browser.open(page)
    runs = [run_at(path.parent, "") for path in sorted(trained.glob("*/metrics.csv"))]
    for kind, column in {"believed": "loss/interior", "true": "loss/interior_ad64"}.items():
        values = np.concatenate([run.metrics[column][:, 0] for run in runs])
        steps, losses = drawn(browser, "loss", f"{kind}_near", "step", kind)
        logged = np.isfinite(values)
        np.testing.assert_allclose(losses, values[logged], rtol=1e-3)
        np.testing.assert_allclose(steps, np.tile(runs[0].metrics["step"], len(runs))[logged])


def test_a_point_tells_whose_it_is_under_the_pointer(browser, page, trained):
    browser.open(page)
    results = [json.loads(path.read_text()) for path in trained.glob("*/result.json")]
    points = marks(browser, "entropy-loss", "loss_points")
    assert len(points) == len(results)
    canvas = browser.find("#entropy-loss canvas")
    browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    for point in points:
        x, y = point["at"]
        at = round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2)
        ActionChains(browser.driver).move_to_element_with_offset(canvas, *at).perform()
        settle(browser)
        (of,) = [r for r in results if (r["method"], r["seed"]) == named(point["name"])]
        assert math.isclose(of["truncated_entropy"], point["truncated_entropy"], rel_tol=1e-4)
        assert math.isclose(of["loss"], point["loss"], rel_tol=1e-4)
        told = browser.find("#tip").text
        assert point["name"] in told
        assert f"{of['loss']:.4g}" in told


def named(name):
    """The method and the seed in the name of a run."""
    method, seed = re.fullmatch(r"method=(\w+) seed=(\d+)", name).groups()
    return method, int(seed)


def test_the_measure_over_entropy_is_the_one_chosen_and_paths_are_those_of_the_loss(browser, page):
    browser.open(page)
    browser.find("#paths").send_keys(Keys.SPACE)
    settle(browser)
    assert len(marks(browser, "entropy-loss", "path_line")) > 4
    Select(browser.find("#measure")).select_by_value("loss_interior_ad64")
    settle(browser)
    assert len(marks(browser, "entropy-loss", "loss_interior_ad64_points")) == 4
    assert not marks(browser, "entropy-loss", "path_line")
    assert not browser.find("#paths").is_enabled()


# ---- the table


def rows(browser, column):
    """Values of a column, as texts, of the rows that are shown, from top to bottom."""
    return browser.run(
        """const headings = [...document.querySelectorAll("#runs thead button")];
        const at = headings.findIndex((button) => button.dataset.column === arguments[0]);
        const shown = [...document.querySelectorAll("#runs tbody tr")].filter((row) => !row.hidden);
        return shown.map((row) => row.cells[at].dataset.value)""",
        column,
    )


def columns(browser):
    return [button.get_attribute("data-column") for button in browser.every("#runs thead button")]


def ordered(values):
    """Numbers by size and texts by the alphabet, missing ones last."""
    there = [value for value in values if value]
    try:
        there = sorted(there, key=float)
    except ValueError:
        there = sorted(there, key=natural)
    return there, [value for value in values if not value]


def natural(text):
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", text)]


def test_every_column_sorts_both_ways(browser, any_page):
    _, page = any_page
    browser.open(page)
    everything = rows(browser, "run")
    for column in columns(browser):
        button = browser.find(f"#runs button[data-column={column}]")
        button.click()
        there, missing = ordered(rows(browser, column))
        assert rows(browser, column) == there + missing, column
        heading = "return arguments[0].closest('th').getAttribute('aria-sort')"
        assert browser.run(heading, button) == "ascending"
        button.send_keys(Keys.ENTER)
        assert rows(browser, column) == there[::-1] + missing, column
        assert browser.run(heading, button) == "descending"
        assert len(browser.every("#runs th[aria-sort]")) == 1
    assert sorted(rows(browser, "run")) == sorted(everything)


def test_the_order_is_that_of_the_results(browser, page, trained):
    browser.open(page)
    results = [json.loads(path.read_text()) for path in trained.glob("*/result.json")]
    results.sort(key=lambda result: result["loss"])
    browser.find("#runs button[data-column=loss]").click()
    assert [float(value) for value in rows(browser, "loss")] == [r["loss"] for r in results]
    runs = zip(rows(browser, "method"), rows(browser, "seed"), strict=True)
    assert list(runs) == [(r["method"], str(r["seed"])) for r in results]


def test_the_filter_leaves_rows_and_curves_with_all_its_words(browser, page):
    browser.open(page)
    assert browser.find("#shown").text == "4 of 4 runs"
    for words, methods in {"fd": ["fd", "fd"], "FD seed=1": ["fd"], "nothing has this": []}.items():
        search = browser.find("#filter")
        search.clear()
        search.send_keys(words)
        assert rows(browser, "method") == methods
        assert browser.find("#shown").text == f"{len(methods)} of 4 runs"
        wait_until(lambda: len(marks(browser, "entropy-loss", "loss_points")) == len(methods))  # noqa: B023
    search.clear()
    search.send_keys("f", Keys.BACKSPACE)
    assert browser.find("#shown").text == "4 of 4 runs"


def wait_until(holds, seconds=5):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


# ---- runs that went wrong, and names that would be scripts


def test_how_a_run_ended_is_told_in_words(browser, sorry_page):
    browser.open(sorry_page)
    told = dict(zip(rows(browser, "run"), rows(browser, "status"), strict=False))
    assert told["2_diverged"] == "diverged"
    assert told["3_half_done"] == "unfinished"
    assert told["4_failed"] == "failed"


def test_names_are_text_and_nothing_else(browser, hostile_page):
    browser.open(hostile_page)
    for column in columns(browser):
        browser.find(f"#runs button[data-column={column}]").click()
    for chart in charts(browser):
        canvas = browser.find(f"#{chart} canvas")
        browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
        ActionChains(browser.driver).move_to_element(canvas).perform()
    browser.find("#filter").send_keys(HOSTILE[0])
    wait_until(lambda: browser.find("#shown").text == "2 of 4 runs")
    assert browser.run("return window.broken") is None
    assert browser.messages() == []
    assert {url.split(":")[0] for url in browser.requests()} <= {"file", "data"}
    assert browser.run("return document.querySelectorAll('script').length") == 5
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    text = browser.run("return document.querySelector('main').textContent")
    assert all(name in text for name in HOSTILE)
