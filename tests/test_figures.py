"""Figures: what they draw is what they were given, in one look, whatever the numbers."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch
from ensembles import STEPS as ROWS
from ensembles import metrics
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D

from pinnspectra.show import figures
from pinnspectra.show.figures import RunCurves, SpectrumCurves, method_colour
from pinnspectra.show.figures.members import across, ended
from pinnspectra.spectra import entropy as spectrum
from pinnspectra.studies.advise.step_error_figure import StepCurve, StepPanel, step_error_figure
from pinnspectra.studies.indicators.figure import Cloud, indicator_figure
from pinnspectra.studies.paper.cause_figure import Panel, Spectrum, cause_figure
from pinnspectra.studies.paper.panels import (
    CurvePanel,
    SpectrumPanel,
    TruncationPanel,
    paper_figure,
)

METHODS = ("ad", "fd", "complex_step")  # of which nobody listed the last
STEPS = np.arange(0, 5000, 100)
LOSS = 10 * np.exp(-STEPS / 700) + 1e-3
ENTROPY = 0.02 + 0.01 * np.sin(STEPS / 900)
SPECTRUM = 300 * 10.0 ** -np.arange(0.0, 16.0, 0.25) + 1e-9
FLOOR = np.geomspace(2e-9, 1e-9, SPECTRUM.size)
POSITION = np.arange(1, SPECTRUM.size + 1)
ERROR = SPECTRUM / SPECTRUM[0] + 1e-8
EMPTY = np.array([])
LINE = np.linspace(-1, 1, 21)[:, None]
GRID = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 2, 11)), axis=-1).reshape(-1, 2)
CLOUD = np.random.default_rng(0).random((40, 3))


def run(method: str, label: str = "", **changed: np.ndarray) -> RunCurves:
    arrays = {"loss_steps": STEPS, "loss": LOSS, "spectrum": SPECTRUM}
    arrays |= {"entropy_steps": STEPS, "truncated_entropy": ENTROPY, "floor": FLOOR}
    arrays |= changed
    arrays |= {name: arrays[name][:, None] for name in ("loss", "truncated_entropy")}
    arrays |= {name: arrays[name][None] for name in ("spectrum", "floor")}
    return RunCurves(label=label, method=method, cutoff=1e-5, **arrays)


def solve(method: str, label: str = "") -> SpectrumCurves:
    return SpectrumCurves(label, method, SPECTRUM, FLOOR, 1e-8, POSITION, ERROR, used=12)


def losses(steps: np.ndarray, *values: Any) -> Figure:
    """The loss figure of a run of one member, from losses (K,)."""
    return figures.loss_figure(steps, *(v[:, None] for v in values[:4]), *values[4:])


def eigenvalues(first: np.ndarray, last: np.ndarray, *others: Any) -> Figure:
    floor = FLOOR[: last.size]
    return figures.eigenvalue_figure(first[None], last[None], floor[None], *others)


def entropies(at: np.ndarray, H: np.ndarray, e: np.ndarray, *others: Any) -> Figure:
    steps, loss, method = others
    return figures.entropy_figure(at, H[:, None], e[:, None], steps, loss[:, None], method)


def path(H: np.ndarray, loss: np.ndarray, *others: Any) -> Figure:
    return figures.entropy_loss_figure(H[:, None], loss[:, None], *others)


def solution(points: np.ndarray) -> Callable[[str], Figure]:
    return lambda m: figures.solution_figure(points, points.sum(1)[None] + 0.1, points.sum(1), m)


FIGURES: dict[str, Callable[[str], Figure]] = {
    "loss": lambda m: losses(STEPS, LOSS, LOSS, LOSS / 9, 2 * LOSS, m),
    "eigenvalue": lambda m: eigenvalues(SPECTRUM * 2, SPECTRUM, 0, 900, 1e-5, m),
    "entropy": lambda m: entropies(STEPS, ENTROPY, STEPS // 99, STEPS, LOSS, m),
    "entropy_loss": lambda m: path(ENTROPY, LOSS, STEPS, m),
    "solution": solution(LINE),
    "solution_scattered": solution(CLOUD),
    "solution_map": solution(GRID),
    "spectrum": lambda m: figures.spectrum_figure({m: SPECTRUM}, 1e-8, {m: FLOOR}),
    "truncation": lambda m: figures.truncation_figure(POSITION, ERROR, 12, m),
    "comparison": lambda m: figures.comparison_figure([run(m)]),
    "rfm_comparison": lambda m: figures.rfm_comparison_figure([solve(m)]),
    "indicator": lambda m: indicator_figure(
        "title", [Cloud("p", m, "float64", ENTROPY, {"loss": LOSS})], {"loss": "loss"}
    ),
    "paper": lambda m: paper_figure(
        "title",
        [
            SpectrumPanel("a", "value", {m: SPECTRUM[None]}, 1e-8, {m: FLOOR[None]}),
            TruncationPanel("b", {m: ERROR[:, None]}, {m: 12}),
            CurvePanel("c", "step", "loss", {m: STEPS}, {m: LOSS[:, None]}),
        ],
        3,
    ),
}

BY_METHOD: dict[str, Callable[[Sequence[str]], Figure]] = {
    "spectrum": lambda ms: figures.spectrum_figure(dict.fromkeys(ms, SPECTRUM), 1e-8),
    "comparison": lambda ms: figures.comparison_figure([run(m) for m in ms]),
    "rfm_comparison": lambda ms: figures.rfm_comparison_figure([solve(m) for m in ms]),
    "cause": lambda ms: cause_figure([Panel("p", "values", causes(ms))], 1),
    "step_error": lambda _: step_errors(),
}
"""Figures of several methods."""


def causes(methods: Sequence[str]) -> list[Spectrum]:
    precisions = [(m, p) for m in methods for p in ("float64", "float32")[: 1 + (m == "fd")]]
    return [Spectrum(m, p, SPECTRUM, FLOOR) for m, p in precisions]


def step_errors() -> Figure:
    h = np.geomspace(1e-4, 1, 20)
    curves = [StepCurve(p, h, h**p, 1.1 * h**p, (0.1, 0.1**p)) for p in (2, 4, 6)]
    panels = [StepPanel(name, curves, 1e-7) for name in ("float32", "float64")]
    return step_error_figure(panels, "title", {"method.step": 1e-3})


def with_data(axes: Axes, x: np.ndarray, y: np.ndarray) -> list[Line2D]:
    """The lines of a panel that hold exactly this data."""
    wanted = np.stack([x, y])
    return [line for line in axes.lines if np.array_equal(line.get_data(), wanted)]


def levels(axes: Axes) -> list[float]:
    """The heights of the dashed lines across a panel."""
    across = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    return [line.get_ydata()[0] for line in across if line.get_linestyle() == "--"]


def marks(axes: Axes) -> list[tuple[float, float]]:
    """Where the black-edged dots of a panel are."""
    dots = [line for line in axes.lines if line.get_markeredgecolor() == "black"]
    return [tuple(line.get_xydata()[0]) for line in dots if line.get_linestyle() == "None"]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn(figure: Figure) -> FigureCanvasAgg:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def colours(figure: Figure) -> set[str]:
    """Colours of methods that are somewhere in a figure, on lines, marks, bands or its legend."""
    artists = figure.findobj(lambda artist: isinstance(artist, Line2D | Collection))
    every = [Line2D.get_color, Line2D.get_markerfacecolor, Line2D.get_markeredgecolor]
    used = [get(artist) for artist in artists if isinstance(artist, Line2D) for get in every]
    used += [c for artist in artists if isinstance(artist, Collection) for c in _faces(artist)]
    of_methods = {*map(method_colour, METHODS), *figures.METHOD_COLOURS.values()}
    return of_methods & {to_hex(colour).upper() for colour in used}


def _faces(artist: Collection) -> list[Any]:
    return [] if artist.get_array() is not None else [*artist.get_facecolor()]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("method", METHODS[1:])
def test_a_method_has_its_colour_in_every_figure(name: str, method: str) -> None:
    shown = set() if name == "solution_map" else {method_colour(method)}
    assert colours(FIGURES[name](method)) == shown


@pytest.mark.parametrize("name", BY_METHOD)
def test_a_colour_means_one_method(name: str) -> None:
    for methods in (["ad", "fd"], ["ad", "fd", "fd_exact"]):
        of_them = {method_colour(m) for m in (methods[:2] if name == "step_error" else methods)}
        assert colours(BY_METHOD[name](methods)) == of_them


def test_methods_are_told_apart_and_an_unlisted_one_keeps_a_colour_of_its_own() -> None:
    listed = list(figures.METHOD_COLOURS.values())
    assert len({*listed, *figures.OTHER_COLOURS}) == len(listed) + len(figures.OTHER_COLOURS)
    assert method_colour("complex_step") == "#56B4E9"


@pytest.mark.parametrize("name", [*FIGURES, *(f"{name} by method" for name in BY_METHOD)])
def test_legends_cover_nothing_and_nothing_is_cut(name: str) -> None:
    several = name.removesuffix(" by method")
    figure = (
        FIGURES[name]("fd") if name in FIGURES else BY_METHOD[several](["ad", "fd", "fd_exact"])
    )
    drawn(figure)
    parts = [axes.get_tightbbox() for axes in figure.axes]
    for box in (key.get_window_extent() for key in figure.legends):
        assert not any(box.overlaps(part) for part in parts if part)
    page = figure.bbox.padded(1)
    others = [part.get_window_extent() for part in (figure._suptitle, *figure.legends) if part]
    for box in [*filter(None, parts), *others]:
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1


def test_the_panels_hold_the_data_given() -> None:
    (axes,) = losses(STEPS, LOSS, LOSS * 2, LOSS * 3, LOSS * 4, "fd").axes
    assert all(len(with_data(axes, STEPS, c * LOSS)) == 1 for c in (1, 2, 3, 4))
    left, middle, right = figures.comparison_figure([run("ad"), run("fd", loss=3 * LOSS)]).axes
    assert len(with_data(left, STEPS, LOSS)) == len(with_data(left, STEPS, 3 * LOSS)) == 1
    assert len(with_data(middle, POSITION, SPECTRUM)) == 2
    assert len(with_data(right, STEPS, ENTROPY)) == 2
    upper, lower, number = FIGURES["entropy"]("ad").axes
    assert with_data(upper, STEPS, ENTROPY)
    assert with_data(lower, STEPS, LOSS)
    assert with_data(number, STEPS, STEPS // 99)


def test_spectra_losses_and_errors_have_log_axes() -> None:
    left, middle, right = figures.comparison_figure([run("ad")]).axes
    assert [a.get_yscale() for a in (left, middle, right)] == ["log", "log", "linear"]
    spectra, errors = figures.rfm_comparison_figure([solve("ad")]).axes
    assert spectra.get_yscale() == errors.get_yscale() == errors.get_xscale() == "log"


@pytest.mark.parametrize("cutoff", [1e-2, 1e-8, 2.5e-11, 0.0])
def test_the_cutoff_line_and_the_mark_follow_definition_1(cutoff: float) -> None:
    e = int(spectrum.effective_cutoff(torch.tensor(SPECTRUM), cutoff))
    shuffled = np.random.default_rng(1).permutation(SPECTRUM)
    for figure in (
        figures.spectrum_figure({"ad": shuffled}, cutoff, {"ad": FLOOR}),
        eigenvalues(SPECTRUM * 7, SPECTRUM, 0, 10, cutoff, "ad"),
    ):
        (axes,) = figure.axes
        assert levels(axes) == ([cutoff * SPECTRUM.max()] if cutoff else [])
        assert marks(axes) == [(e, SPECTRUM[e - 1])]
        assert any(label.endswith(f"= {e}") for label in legend(figure))


def test_a_value_at_the_cutoff_counts() -> None:
    (axes,) = figures.spectrum_figure({"ad": [2.0, 4.0, 1.0]}, 0.5).axes
    assert marks(axes) == [(2, 2)]


def hollow(axes: Axes) -> np.ndarray:
    """Where the hollow marks of a panel are, (n, 2)."""
    marked = [line.get_xydata() for line in axes.lines if line.get_markerfacecolor() == "white"]
    return np.concatenate(marked) if marked else np.empty((0, 2))


def test_the_floor_is_drawn_and_what_is_near_it_is_marked_as_rounding() -> None:
    index, low = POSITION, FLOOR
    of_solve = figures.spectrum_figure({"fd": SPECTRUM}, 1e-8, {"fd": low})
    of_kernel = eigenvalues(SPECTRUM, SPECTRUM, 0, 10, 1e-5, "fd")
    of_solves, _ = figures.rfm_comparison_figure([solve("fd")]).axes
    of_runs = figures.comparison_figure([run("fd")]).axes[1]
    of_values = [(of_solve.axes[0], 2), (of_kernel.axes[0], 4), (of_solves, 2), (of_runs, 4)]
    for axes, factor in of_values:  # eigenvalues are squares
        (line,) = with_data(axes, index, low)
        assert line.get_linestyle() == ":"
        near = np.flatnonzero(factor * low >= SPECTRUM)
        k = hollow(axes)[:, 0].astype(int) - 1
        assert set(k) <= set(near)
        assert k[0] == near[0]
        assert k.size > min(near.size, 10) / 2
        np.testing.assert_array_equal(hollow(axes)[:, 1], SPECTRUM[k])
    for figure in (of_solve, of_kernel):
        assert {"predicted rounding floor", r"rounding: $\sigma_k$ at most twice its floor"} <= set(
            legend(figure)
        )


@pytest.mark.parametrize("floor", [EMPTY, FLOOR * np.nan, FLOOR * 1e-9])
def test_a_spectrum_without_a_floor_or_far_above_it_has_no_mark_of_rounding(floor) -> None:
    figure = figures.spectrum_figure({"ad": SPECTRUM}, 1e-8, {"ad": floor})
    drawn(figure)
    assert hollow(figure.axes[0]).size == 0
    assert r"rounding: $\sigma_k$ at most twice its floor" not in legend(figure)
    assert ("predicted rounding floor" in legend(figure)) == np.isfinite(floor).any()


def test_comparisons_say_what_is_dotted_and_hollow_and_leave_marks_out_where_runs_are_many():
    for count in (6, 7):
        pairs = (
            figures.rfm_comparison_figure([solve("fd", f"seed={i}") for i in range(count)]).axes[0],
            figures.comparison_figure([run("fd", f"seed={i}") for i in range(count)]).axes[1],
        )
        for axes in pairs:
            assert len(with_data(axes, POSITION, FLOOR)) == count
            assert (hollow(axes).size > 0) == (count == 6)
            assert "predicted rounding floor" in legend(axes.figure)
            assert any("at most twice" in label for label in legend(axes.figure)) == (count == 6)
    unknown = figures.comparison_figure([run("fd", floor=FLOOR * np.nan)])
    assert legend(unknown) == ["fd", "cut-off", "cut-off number $e$"]


def test_the_floor_of_an_ensemble_is_the_median_of_those_that_are_left() -> None:
    last = np.array([[1.0, 1e-3], [2.0, 1e-4], [4.0, 1e-5], [np.nan, np.nan]])
    floor = np.array([[1e-4, 1e-4], [2e-4, 2e-4], [9e-4, 9e-4], [np.nan, np.nan]])
    figure = figures.eigenvalue_figure(last, last, floor, 0, 10, 1e-2, "fd")
    (axes,) = figure.axes
    assert with_data(axes, np.array([1, 2]), np.array([2e-4, 2e-4]))
    assert hollow(axes).tolist() == [[2, 1e-4]]


def test_the_truncation_curve_is_marked_at_the_position_that_is_used() -> None:
    (axes,) = figures.truncation_figure(POSITION, ERROR, 12, "fd").axes
    assert marks(axes) == [(12, ERROR[11])]
    left, right = figures.rfm_comparison_figure([solve("ad")]).axes
    e = int(spectrum.effective_cutoff(torch.tensor(SPECTRUM), 1e-8))
    assert (marks(left), marks(right)) == ([(e, SPECTRUM[e - 1])], [(12, ERROR[11])])


def test_the_path_over_entropy_marks_its_first_and_last_step() -> None:
    figure = path(ENTROPY, LOSS, STEPS, "ad")
    assert marks(figure.axes[0]) == [(ENTROPY[0], LOSS[0]), (ENTROPY[-1], LOSS[-1])]
    assert legend(figure) == ["first, step 0", "last, step 4900"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_log_axis_cannot_show_is_left_out_without_a_warning(dtype: type) -> None:
    bad = np.array([3, 0, np.nan, np.inf, -1, 2e-30, 5], dtype=dtype)
    steps = np.arange(7)
    loss = losses(steps, bad, bad, bad * np.nan, bad, "fd")
    drawn(loss)
    assert with_data(loss.axes[0], steps[[0, 5, 6]], bad[[0, 5, 6]])
    kernel = eigenvalues(0 * bad[:2], bad, 0, 1, 1e-5, "fd")
    drawn(kernel)
    assert marks(kernel.axes[0]) == [(2, 3)]
    drawn(entropies(steps, bad, steps * 0, steps, bad, "fd"))
    drawn(path(bad, bad, steps, "fd"))
    drawn(figures.truncation_figure(steps, bad, 0, "fd"))
    drawn(figures.comparison_figure([run("fd", loss_steps=steps, loss=bad, spectrum=bad)]))


def test_a_diverging_run_is_drawn_without_a_warning() -> None:
    steps = np.arange(617)
    drawn(losses(steps, *[10.0 ** (steps - 308)] * 4, "fd"))
    drawn(figures.spectrum_figure({"fd": 10.0 ** (308 - steps)}, 1e-5, {"fd": 10.0**-steps}))


def test_a_single_point_is_marked_and_nothing_is_said_to_be_nothing() -> None:
    empty = run("ad", loss_steps=EMPTY, loss=EMPTY, spectrum=EMPTY, floor=EMPTY)
    point = run("fd", entropy_steps=STEPS[:1], truncated_entropy=ENTROPY[:1])
    left, middle, right = figures.comparison_figure([empty, point]).axes
    assert with_data(right, STEPS[:1], ENTROPY[:1])[0].get_marker() == "o"
    assert not any(axes.texts for axes in (left, middle, right))
    nothing = figures.comparison_figure([empty])
    drawn(nothing)
    assert [len(axes.texts) for axes in nothing.axes] == [1, 1, 0]
    drawn(losses(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, "ad"))
    assert path(EMPTY, EMPTY, EMPTY, "ad").axes[0].texts


def test_a_map_has_x_to_the_right_and_y_upwards() -> None:
    shuffled = np.random.default_rng(2).permutation(GRID)
    u = shuffled[:, 0] + 5 * shuffled[:, 1]  # 0 .. 11 over [0, 1] x [0, 2]
    figure = figures.solution_figure(shuffled, u[None], u, "ad")
    pixels = np.asarray(drawn(figure).buffer_rgba())
    for x, y in [(0.25, 0.4), (0.75, 0.4), (0.25, 1.6), (0.75, 1.6)]:
        column, row = figure.axes[0].transData.transform((x, y)).astype(int)
        wanted = matplotlib.colormaps["viridis"]((x + 5 * y) / 11, bytes=True)
        np.testing.assert_allclose(pixels[-1 - row, column], wanted, atol=2)


def test_the_colours_of_an_error_map_are_symmetric_and_of_the_solutions_shared() -> None:
    exact = GRID[:, 0]
    figure = figures.solution_figure(
        GRID, np.where(exact > 0.9, exact - 0.3, exact)[None], exact, "fd"
    )
    left, middle, right = (axes.images[0].get_clim() for axes in figure.axes)
    assert left == middle == (0, 1)
    assert right == pytest.approx((-0.3, 0.3))


def test_maps_of_values_that_are_equal_or_not_finite_are_drawn() -> None:
    zero = 0 * GRID[:, 0]
    for u in (zero, zero + np.nan, np.where(GRID[:, 0] > 0.5, np.inf, 1)):
        drawn(figures.solution_figure(GRID, u[None], zero, "ad"))


def test_a_solution_on_a_line_is_sorted_and_one_on_scattered_points_is_u_over_exact() -> None:
    x = np.array([0.5, -1.0, 0.0])
    left, right = figures.solution_figure(x[:, None], 2 * x[None], x, "ad").axes
    assert with_data(left, np.sort(x), 2 * np.sort(x))
    assert with_data(right, np.sort(x), np.sort(x))
    for points in (CLOUD, CLOUD[:, :2], GRID[1:]):
        u = points[:, 0]
        (axes,) = figures.solution_figure(points, u[None] + 1, u, "ad").axes
        assert with_data(axes, u, u + 1)


def looks(lines: Sequence[Line2D]) -> set[tuple[object, ...]]:
    return {(line.get_color(), line.get_linestyle(), line.get_alpha()) for line in lines}


def test_fifty_runs_stay_legible(tmp_path) -> None:
    names = [(m, f"pde=poisson1d, method={m}, seed={s}") for m in ("ad", "fd") for s in range(25)]
    figure = figures.comparison_figure([run(m, label) for m, label in names])
    figures.save(figure, tmp_path / "figures" / "comparison.png")
    height, width, _ = imread(tmp_path / "figures" / "comparison.png").shape
    assert 1500 < width < 2500
    assert 600 < height < 1200
    assert legend(figure)[12] == "and 38 more"
    assert len(legend(figure)) == 13 + 3  # what is dashed, dotted, and a dot
    assert sum("method=fd" in label for label in legend(figure)) == 6
    assert "pde=poisson1d" not in "".join(legend(figure))
    box = figure.legends[0].get_window_extent()
    assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
    lines = figure.axes[0].lines
    assert {line.get_color() for line in lines} == {method_colour("ad"), method_colour("fd")}
    assert len(looks(lines[:12])) == 12


def test_labels_name_the_method_and_survive_any_text(tmp_path) -> None:
    labels = ["_hidden", "$x", "x" * 300, ""]
    figure = figures.rfm_comparison_figure([solve("fd", label) for label in labels])
    figures.save(figure, tmp_path / "labels.png")
    assert legend(figure)[:2] == ["fd: _hidden", r"fd: \$x"]
    assert legend(figure)[3] == "fd"
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_runs_that_share_a_label_are_told_apart_by_method_under_a_common_title() -> None:
    figure = figures.rfm_comparison_figure([solve(m, "poisson1d, N = 64") for m in ("ad", "fd")])
    assert legend(figure)[:2] == ["ad", "fd"]
    assert figure.get_suptitle().endswith(": poisson1d, N = 64")


def test_matplotlib_settings_are_left_alone_and_do_not_matter(tmp_path) -> None:
    before = dict(matplotlib.rcParams)
    figures.save(FIGURES["loss"]("ad"), tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9}):
        figures.save(FIGURES["loss"]("ad"), tmp_path / "changed.png")
    assert dict(matplotlib.rcParams) == before
    plain, changed = imread(tmp_path / "plain.png"), imread(tmp_path / "changed.png")
    np.testing.assert_array_equal(plain, changed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with one map as PNG, then as PDF, then as SVG, and with losses."""
    folder, figure = tmp_path_factory.mktemp("written"), FIGURES["solution_map"]("fd")
    for ending in ("png", "pdf", "svg"):
        figures.save(figure, folder / f"map.{ending}")
    figures.save(FIGURES["loss"]("fd"), folder / "loss.pdf")
    figures.save(FIGURES["loss"]("fd"), folder / "loss.svg")
    return folder


def test_a_figure_has_the_same_bytes_whenever_and_after_whatever_it_is_written(written, tmp_path):
    again = FIGURES["solution_map"]("fd")
    for ending in ("svg", "pdf", "png"):
        figures.save(again, tmp_path / f"map.{ending}")
        wanted = (written / f"map.{ending}").read_bytes()
        assert (tmp_path / f"map.{ending}").read_bytes() == wanted
        assert b"Date" not in wanted


@pytest.mark.parametrize(("name", "pictures"), [("loss", 0), ("map", 6)])
def test_a_pdf_is_of_lines_and_text_and_only_maps_are_pictures(written, name, pictures):
    text = (written / f"{name}.pdf").read_bytes()
    assert b"/FontFile2" in text  # TrueType
    assert b"/Type3" not in text  # shapes of letters
    assert text.count(b"/Subtype /Image") == pictures  # three maps and their colours
    assert len(text) < 50_000


@pytest.mark.parametrize(
    ("name", "wanted"), [("loss", {"1000", "total"}), ("map", {"0.25", "0.75"})]
)
def test_an_svg_has_its_words_as_text_and_is_small(written, name, wanted):
    words = [*ElementTree.parse(written / f"{name}.svg").getroot().itertext()]
    assert wanted <= set(words)
    assert any("method fd" in word for word in words)
    assert (written / f"{name}.svg").stat().st_size < 60_000


def test_a_figure_is_written_as_one_of_three(tmp_path):
    with pytest.raises(
        ValueError, match=r"x\.jpg: a figure is written as one of \.png, \.pdf, \.svg"
    ):
        figures.save(FIGURES["loss"]("ad"), tmp_path / "x.jpg")


def test_a_long_line_keeps_all_that_its_pixels_show(tmp_path):
    steps = np.arange(100_000)
    loss = np.exp(np.random.default_rng(3).normal(size=steps.size) - steps / 3e4)
    loss[60_007], loss[60_009] = 1e6, 1e-9
    (axes,) = losses(steps, loss, loss, loss, loss, "ad").axes
    for line in axes.lines:
        x, y = line.get_data()
        assert x.size < 3000
        assert np.array_equal(y, loss[x.astype(int)])
        assert (x[0], x[-1]) == (0, steps[-1])
        for part in np.split(np.arange(steps.size), 100):  # wider than what is drawn as one
            kept = y[(x >= part[0]) & (x <= part[-1])]
            assert (kept.min(), kept.max()) == (loss[part].min(), loss[part].max())


def contents(figure: Figure) -> list[Any]:
    """The numbers in the panels of a figure."""
    lines = [np.asarray(line.get_xydata()) for axes in figure.axes for line in axes.lines]
    maps = [np.ma.filled(i.get_array(), np.nan) for axes in figure.axes for i in axes.images]
    return [values.tolist() for values in (*lines, *maps)]


def lists(values: Any) -> Any:
    return values.tolist()


def tensors(values: Any) -> Any:
    return torch.tensor(np.asarray(values, dtype=float), requires_grad=True)


@pytest.mark.parametrize("given", [lists, tensors])
def test_every_figure_is_made_of_lists_and_tensors_as_of_arrays(given: Callable) -> None:
    def every(to: Callable) -> list[Figure]:
        t, L, H, s, low = map(to, (STEPS, LOSS, ENTROPY, SPECTRUM, FLOOR))
        grid, u = to(GRID), to(GRID.sum(1))
        column, row = (lambda v: to(v[:, None])), (lambda v: to(v[None]))
        run = RunCurves("a", "ad", t, column(LOSS), row(SPECTRUM), row(FLOOR), 1e-5, t,
                        column(ENTROPY))  # fmt: skip
        solve = SpectrumCurves("a", "ad", s, low, 1e-8, to(POSITION), to(ERROR), used=12)
        spectrum = SpectrumPanel("a", "b", {"fd": row(SPECTRUM)}, 1e-8, {"fd": row(FLOOR)})
        curve = CurvePanel("a", "b", "c", {"fd": t}, {"fd": column(LOSS)})
        cause = Panel("a", "b", [Spectrum("fd", "float64", s, low)])
        step = StepPanel("a", [StepCurve(2, t, L, L, (0.1, 1))], 1e-7)
        cloud = Cloud("a", "fd", "float64", H, {"loss": L})
        return [
            figures.loss_figure(t, L, L, L, L, "fd"),
            figures.eigenvalue_figure(s, s, low, 0, 10, 1e-5, "fd"),
            figures.entropy_figure(t, H, t, t, L, "fd"),
            figures.entropy_loss_figure(H, L, t, "fd"),
            figures.spectrum_figure({"ad": s, "fd": low}, 1e-5, {"fd": low}),
            figures.truncation_figure(to(POSITION), to(ERROR), 12, "fd"),
            figures.solution_figure(grid, u, u, "fd"),
            figures.solution_figure(to(LINE), to(LINE[:, 0]), to(LINE[:, 0]), "fd"),
            figures.comparison_figure([run]),
            figures.rfm_comparison_figure([solve]),
            paper_figure("title", [spectrum, curve], 2),
            cause_figure([cause], 1),
            step_error_figure([step], "title", {}),
            indicator_figure("title", [cloud], {"loss": "loss"}),
        ]

    assert all(contents(figure) for figure in every(np.asarray))
    for wanted, figure in zip(every(np.asarray), every(given), strict=True):
        assert contents(figure) == contents(wanted)


def test_spectra_of_methods_stand_in_one_panel_with_their_own_cutoff_and_floor() -> None:
    spectra = {"ad": SPECTRUM, "fd": np.stack([SPECTRUM, 3 * SPECTRUM])}
    figure = figures.spectrum_figure(spectra, 1e-8, {"fd": FLOOR}, eigenvalues=True)
    (axes,) = figure.axes
    assert with_data(axes, POSITION, SPECTRUM)[0].get_color() == method_colour("ad")
    assert with_data(axes, POSITION, 2 * SPECTRUM)[0].get_color() == method_colour("fd")
    np.testing.assert_allclose(bands(axes)[0], [SPECTRUM, 3 * SPECTRUM])
    assert levels(axes) == pytest.approx([1e-8 * SPECTRUM[0], 2e-8 * SPECTRUM[0]])
    assert with_data(axes, POSITION, FLOOR)
    assert axes.get_ylabel() == figures.EIGENVALUE
    assert legend(figure)[:2] == ["method ad", "method fd"]
    assert sum(label.startswith("$e(10^{-8})$ = ") for label in legend(figure)) == 2
    bare = figures.spectrum_figure({"ad": [3, 1, 2]})
    assert with_data(bare.axes[0], np.array([1, 2, 3]), np.array([3, 2, 1]))
    assert legend(bare) == ["method ad"]


def test_a_long_noisy_history_is_written(tmp_path) -> None:
    steps = np.arange(200_000)
    loss = np.exp(np.random.default_rng(3).normal(size=steps.size))
    figures.save(losses(steps, loss, loss, loss, loss, "ad"), tmp_path / "long.png")
    assert imread(tmp_path / "long.png").shape == (690, 960, 4)


ENSEMBLES = {
    "one": (1, {}, ()),
    "five": (5, {2: 4}, ()),
    "many": (64, {3: 1, 9: 10, 40: 0}, ()),
    "rates": (64, {3: 1, 9: 10, 40: 0}, np.repeat([1e-3, 1e-4], 32)),
    "all diverged": (3, {0: 2, 1: 4, 2: 4}, ()),
    "no row at all": (2, {0: 0, 1: 0}, ()),
}


def of_ensemble(size: int, lost: dict[int, int], rates: Sequence[float]) -> dict[str, Figure]:
    """Every figure of an ensemble, of which some members have diverged."""
    table = metrics(size, lost)
    loss, H = table["loss"], table["spectrum/truncated_entropy"]
    terms = [table[f"loss/{name}"] for name in ("interior", "boundary", "interior_ad64")]
    spectra = np.random.default_rng(0).uniform(0.5, 1, (2, size, 1)) * SPECTRUM
    spectra[1, list(lost)] = np.nan
    floor = 1e-3 * spectra[1]
    e = table["spectrum/effective_cutoff"]
    run = RunCurves("seed=0", "fd", ROWS, loss, spectra[1], floor, 1e-5, ROWS, H)
    drawing = {
        "loss": figures.loss_figure(ROWS, loss, *terms, "fd", rates),
        "eigenvalues": figures.eigenvalue_figure(*spectra, floor, 0, 1000, 1e-5, "fd", rates),
        "entropy": figures.entropy_figure(ROWS, H, e, ROWS, loss, "fd", rates),
        "entropy_loss": figures.entropy_loss_figure(H, loss, ROWS, "fd", rates),
        "comparison": figures.comparison_figure([run, run]),
    }
    for name, points in (("line", LINE), ("grid", GRID), ("cloud", CLOUD)):
        u = points.sum(1) + np.random.default_rng(1).normal(size=(size, 1))
        u[list(lost)] = np.nan
        drawing[name] = figures.solution_figure(points, u, points.sum(1), "fd", rates)
    return drawing


def bands(axes: Axes) -> list[np.ndarray]:
    """Lower and upper limit, (2, K), of every band of a panel, without the ends of its outline."""
    paths = [c.get_paths()[0].vertices for c in axes.collections if isinstance(c, PolyCollection)]
    halves = [(path[1 : len(path) // 2], path[len(path) // 2 + 1 : -1][::-1]) for path in paths]
    return [np.stack([low[:, 1], high[:, 1]]) for low, high in halves]


def crosses(axes: Axes) -> list[float]:
    """Where the crosses above a panel are."""
    return [x for line in axes.lines if line.get_marker() == "x" for x in line.get_xdata()]


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_figures_of_an_ensemble_are_whole_and_in_the_colour_of_the_method(name: str) -> None:
    for figure in of_ensemble(*ENSEMBLES[name]).values():
        drawn(figure)
        title = figure._suptitle
        assert title is not None
        assert figure.bbox.x0 <= title.get_window_extent().x0
        for box in (key.get_window_extent() for key in figure.legends):
            assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
            assert figure.bbox.x0 <= box.x0
            assert box.x1 <= figure.bbox.x1
        used = {to_hex(line.get_color()).upper() for axes in figure.axes for line in axes.lines}
        assert not {method_colour(m) for m in METHODS if m != "fd"} & used


def test_a_band_is_from_the_minimum_to_the_maximum_of_those_that_are_there_to_the_end() -> None:
    table = metrics(5, {2: 4})
    drawing = of_ensemble(5, {2: 4}, ())
    kept = np.delete(table["loss"], 2, axis=1)
    for axes in (drawing["entropy"].axes[1], drawing["comparison"].axes[0]):
        low, high = bands(axes)[0]
        np.testing.assert_array_equal(low, kept.min(axis=1))
        np.testing.assert_array_equal(high, kept.max(axis=1))
        (line,) = with_data(axes, ROWS, np.median(kept, axis=1))[:1]
        assert line.get_color() == method_colour("fd")
    assert len(bands(drawing["loss"].axes[0])) == 4
    assert len(bands(drawing["eigenvalues"].axes[0])) == 2
    assert drawing["loss"].get_suptitle().split("\n")[1].startswith("5 members, 1 ended early:")


def test_spectra_that_are_logged_less_often_have_a_band_at_their_own_steps() -> None:
    upper = of_ensemble(5, {2: 4}, ())["entropy"].axes[0]
    H = np.delete(metrics(5)["spectrum/truncated_entropy"], 2, axis=1)[::2]
    np.testing.assert_array_equal(bands(upper)[0], [H.min(axis=1), H.max(axis=1)])


def test_a_run_of_one_member_has_no_band_and_no_word_of_members() -> None:
    for name, figure in of_ensemble(*ENSEMBLES["one"]).items():
        assert not any(bands(axes) or crosses(axes) for axes in figure.axes), name
        assert "member" not in figure.get_suptitle()


def test_a_cross_is_above_the_last_row_of_a_member_that_diverged() -> None:
    drawing = of_ensemble(*ENSEMBLES["many"])
    for axes in (drawing["loss"].axes[0], drawing["entropy"].axes[1]):
        assert crosses(axes) == [0, 900, 0]  # of members 3, 9 and 40, which has no row
    assert crosses(drawing["comparison"].axes[0]) == [0, 900, 0, 0, 900, 0]
    assert "a member diverged" in legend(drawing["loss"])


def test_a_member_that_diverges_does_not_take_the_scale_with_it() -> None:
    loss = metrics(5, {2: 8})["loss"]
    calm = loss.copy()
    loss[6:8, 2] = 1e12, 1e30
    limits = []
    for values in (calm, loss):
        figure = figures.loss_figure(ROWS, values, values, values, values, "fd")
        path = figures.entropy_loss_figure(values * 0 + 0.5, values, ROWS, "fd")
        for one in (figure, path):
            drawn(one)
            limits.append(one.axes[0].get_ylim())
    assert limits[:2] == limits[2:]


def test_learning_rates_have_curves_of_their_own() -> None:
    drawing = of_ensemble(*ENSEMBLES["rates"])
    loss = metrics(64, ENSEMBLES["rates"][1])["loss"]
    kept = [np.setdiff1d(np.arange(32), [3, 9]), np.setdiff1d(np.arange(32, 64), [40])]
    left, right = drawing["loss"].axes
    assert [left.get_title(), right.get_title()] == ["lr = 0.001", "lr = 0.0001"]
    for axes, members in ((left, kept[0]), (right, kept[1])):
        wanted = np.stack([loss[:, members].min(axis=1), loss[:, members].max(axis=1)])
        assert any(np.array_equal(band, wanted) for band in bands(axes))
    assert left.get_ylim() == right.get_ylim()
    assert len(legend(drawing["loss"])) == 5  # once, not once a panel
    medians = [np.quantile(loss[:, members], 0.5, axis=1) for members in kept]
    lower = drawing["entropy"].axes[1]
    assert [with_data(lower, ROWS, m)[0].get_linestyle() for m in medians] == ["-", "--"]
    assert sum("lr = 0.0001" in label for label in legend(drawing["eigenvalues"])) == 2
    assert sum("lr = 0.0001" in label for label in legend(drawing["entropy_loss"])) == 1
    assert len(drawing["grid"].axes) == 6


def test_bands_that_could_not_be_told_apart_are_left_out_and_this_is_said() -> None:
    rates = np.repeat([1e-2, 1e-3, 1e-4, 1e-5], 3)
    drawing = of_ensemble(12, {}, rates)
    for name in ("entropy", "eigenvalues", "line"):
        assert not any(bands(axes) for axes in drawing[name].axes)
        assert drawing[name].get_suptitle().endswith("12 members: median")
    assert all(len(bands(axes)) == 4 for axes in drawing["loss"].axes)
    loss = metrics(5)["loss"]
    for count in (8, 9):
        runs = [
            RunCurves(f"seed={i}", "fd", ROWS, loss, loss.T, loss.T, 1e-5, ROWS, loss)
            for i in range(count)
        ]
        figure = figures.comparison_figure(runs)
        assert [len(bands(axes)) for axes in figure.axes] == 3 * [8 if count == 8 else 0]
        assert ("band" in figure.get_suptitle()) == (count == 8)


def test_the_cutoff_of_an_ensemble_is_the_median_of_those_with_a_spectrum() -> None:
    levels_of = np.array([1.0, 1e-2, 1e-4, 1e-6])
    last = np.stack([levels_of, levels_of**2, levels_of**0.5, levels_of * np.nan])
    figure = figures.eigenvalue_figure(last, last, last * np.nan, 0, 10, 2e-4, "fd")
    (axes,) = figure.axes
    assert marks(axes) == [(2, 1e-2)]  # e is 2, 1 and 4 of the three
    assert legend(figure)[-1].endswith("= 2 (1 to 4)")


def test_solutions_are_the_median_and_the_band_of_the_members_left() -> None:
    exact = LINE[:, 0]
    u = exact + np.array([[0.0], [0.1], [0.5], [np.nan]])
    left, right = figures.solution_figure(LINE, u, exact, "ad").axes
    assert with_data(left, exact, u[1])
    np.testing.assert_allclose(bands(right)[0], [0 * exact, 0 * exact + 0.5], atol=1e-12)
    grid = GRID.sum(1)
    maps = figures.solution_figure(GRID, grid + np.array([[0.0], [0.1], [9.0]]), grid, "ad")
    error = maps.axes[2].images[0].get_array()
    np.testing.assert_allclose(error, 0 * error + 0.1)
    assert "pointwise median" in maps.get_suptitle()
    assert maps.get_suptitle().split("\n")[1].startswith("3 members:")


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_median_and_limits_are_of_the_finite_values(K: int, S: int, data: st.DataObject) -> None:
    numbers = st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf])
    values = np.array(data.draw(st.lists(numbers, min_size=K * S, max_size=K * S))).reshape(K, S)
    for k, of_row in enumerate(zip(*across(values), strict=True)):
        finite = values[k][np.isfinite(values[k])]
        wanted = (
            [finite.min(), np.quantile(finite, 0.5), finite.max()] if finite.size else [np.nan] * 3
        )
        np.testing.assert_array_equal(of_row, wanted)
    last = [row for row in np.isfinite(values) if row.any()]
    np.testing.assert_array_equal(ended(values), ~last[-1] if last else np.ones(S, dtype=bool))


def test_the_cause_is_drawn_relative_to_the_largest_value_with_floors_of_differences() -> None:
    none = np.array([])
    spectra = [
        Spectrum("ad", "float64", SPECTRUM, none),
        Spectrum("fd_exact", "float64", SPECTRUM / 2, none),
        Spectrum("fd", "float32", SPECTRUM + 1, np.full(9, 1.0)),
    ]
    panels = [Panel(f"problem {i}", "values", spectra) for i in range(4)]
    figure = cause_figure(panels, columns=2)
    assert [axes.get_title() for axes in figure.axes] == [panel.title for panel in panels]
    fd, floor, ad, exact = figure.axes[0].lines
    for line in (fd, ad, exact):
        assert line.get_ydata()[0] == 1
    assert np.allclose(floor.get_ydata(), 1 / (SPECTRUM[0] + 1))
    assert np.array_equal(ad.get_ydata(), exact.get_ydata())
    assert len(figure.legends[0].get_texts()) == 4


def test_importing_the_figures_imports_neither_torch_nor_pyplot() -> None:
    heavy = "{'torch', 'matplotlib.pyplot'}"
    code = f"import sys, pinnspectra.show.figures; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
