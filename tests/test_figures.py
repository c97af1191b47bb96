"""Figures: what they draw is what they were given, in one look, whatever the numbers."""

import subprocess
import sys
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D

from pinnspectra import figures, spectrum
from pinnspectra.figures import RunCurves, SpectrumCurves, method_colour

METHODS = ("ad", "fd", "complex_step")
STEPS = np.arange(0, 5000, 100)
LOSS = 10 * np.exp(-STEPS / 700) + 1e-3
ENTROPY = 0.02 + 0.01 * np.sin(STEPS / 900)
SPECTRUM = 300 * 10.0 ** -np.arange(0.0, 16.0, 0.25) + 1e-9
POSITION = np.arange(1, SPECTRUM.size + 1)
ERROR = SPECTRUM / SPECTRUM[0] + 1e-8
EMPTY = np.array([])
LINE = np.linspace(-1, 1, 21)[:, None]
GRID = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 2, 11)), axis=-1).reshape(-1, 2)
CLOUD = np.random.default_rng(0).random((40, 3))


def run(method: str, label: str = "", **changed: np.ndarray) -> RunCurves:
    arrays = {"loss_steps": STEPS, "loss": LOSS, "spectrum": SPECTRUM}
    arrays |= {"entropy_steps": STEPS, "truncated_entropy": ENTROPY}
    return RunCurves(label=label, method=method, cutoff=1e-5, **(arrays | changed))


def solve(method: str, label: str = "") -> SpectrumCurves:
    return SpectrumCurves(label, method, SPECTRUM, 1e-8, POSITION, ERROR, used=12)


def solution(points: np.ndarray) -> Callable[[str], Figure]:
    return lambda m: figures.solution_figure(points, points.sum(1) + 0.1, points.sum(1), m)


FIGURES: dict[str, Callable[[str], Figure]] = {
    "loss": lambda m: figures.loss_figure(STEPS, LOSS, LOSS, LOSS / 9, 2 * LOSS, m),
    "eigenvalue": lambda m: figures.eigenvalue_figure(SPECTRUM * 2, SPECTRUM, 0, 900, 1e-5, m),
    "entropy": lambda m: figures.entropy_figure(STEPS, ENTROPY, STEPS // 99, STEPS, LOSS, m),
    "entropy_loss": lambda m: figures.entropy_loss_figure(ENTROPY, LOSS, STEPS, m),
    "solution": solution(LINE),
    "solution_scattered": solution(CLOUD),
    "singular_value": lambda m: figures.singular_value_figure(SPECTRUM, 1e-8, m),
    "truncation": lambda m: figures.truncation_figure(POSITION, ERROR, 12, m),
    "comparison": lambda m: figures.comparison_figure([run(m)]),
    "rfm_comparison": lambda m: figures.rfm_comparison_figure([solve(m)]),
}


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


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_its_colour_in_every_figure(name: str, method: str) -> None:
    axes = FIGURES[name](method).axes
    used = {to_hex(line.get_color()).upper() for one in axes for line in one.lines}
    assert {colour for colour in map(method_colour, METHODS) if colour in used} == {
        method_colour(method)
    }


def test_methods_are_told_apart_and_an_unlisted_one_keeps_a_colour_of_its_own() -> None:
    listed = list(figures.METHOD_COLOURS.values())
    assert len({*listed, *figures.OTHER_COLOURS}) == len(listed) + len(figures.OTHER_COLOURS)
    assert method_colour("complex_step") == "#56B4E9"


@pytest.mark.parametrize("name", FIGURES)
def test_legends_cover_no_panel_and_are_not_cut(name: str) -> None:
    figure = FIGURES[name]("fd")
    drawn(figure)
    for box in (key.get_window_extent() for key in figure.legends):
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1


def test_the_panels_hold_the_data_given() -> None:
    (axes,) = figures.loss_figure(STEPS, LOSS, LOSS * 2, LOSS * 3, LOSS * 4, "fd").axes
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
        figures.singular_value_figure(shuffled, cutoff, "ad"),
        figures.eigenvalue_figure(SPECTRUM * 7, SPECTRUM, 0, 10, cutoff, "ad"),
    ):
        (axes,) = figure.axes
        assert levels(axes) == ([cutoff * SPECTRUM.max()] if cutoff else [])
        assert marks(axes) == [(e, SPECTRUM[e - 1])]
        assert any(label.endswith(f"= {e}") for label in legend(figure))


def test_a_value_at_the_cutoff_counts() -> None:
    (axes,) = figures.singular_value_figure(np.array([4.0, 2.0, 1.0]), 0.5, "ad").axes
    assert marks(axes) == [(2, 2)]


def test_the_truncation_curve_is_marked_at_the_position_that_is_used() -> None:
    (axes,) = figures.truncation_figure(POSITION, ERROR, 12, "fd").axes
    assert marks(axes) == [(12, ERROR[11])]
    left, right = figures.rfm_comparison_figure([solve("ad")]).axes
    e = int(spectrum.effective_cutoff(torch.tensor(SPECTRUM), 1e-8))
    assert (marks(left), marks(right)) == ([(e, SPECTRUM[e - 1])], [(12, ERROR[11])])


def test_the_path_over_entropy_marks_its_first_and_last_step() -> None:
    figure = figures.entropy_loss_figure(ENTROPY, LOSS, STEPS, "ad")
    assert marks(figure.axes[0]) == [(ENTROPY[0], LOSS[0]), (ENTROPY[-1], LOSS[-1])]
    assert legend(figure) == ["first, step 0", "last, step 4900"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_log_axis_cannot_show_is_left_out_without_a_warning(dtype: type) -> None:
    bad = np.array([3, 0, np.nan, np.inf, -1, 2e-30, 5], dtype=dtype)
    steps = np.arange(7)
    loss = figures.loss_figure(steps, bad, bad, bad * np.nan, bad, "fd")
    drawn(loss)
    assert with_data(loss.axes[0], steps[[0, 5, 6]], bad[[0, 5, 6]])
    kernel = figures.eigenvalue_figure(0 * bad[:2], bad, 0, 1, 1e-5, "fd")
    drawn(kernel)
    assert marks(kernel.axes[0]) == [(2, 3)]
    drawn(figures.entropy_figure(steps, bad, steps * 0, steps, bad, "fd"))
    drawn(figures.entropy_loss_figure(bad, bad, steps, "fd"))
    drawn(figures.truncation_figure(steps, bad, 0, "fd"))
    drawn(figures.comparison_figure([run("fd", loss_steps=steps, loss=bad, spectrum=bad)]))


def test_a_diverging_run_is_drawn_without_a_warning() -> None:
    steps = np.arange(617)
    drawn(figures.loss_figure(steps, *[10.0 ** (steps - 308)] * 4, "fd"))
    drawn(figures.singular_value_figure(10.0 ** (308 - steps), 1e-5, "fd"))


def test_a_single_point_is_marked_and_nothing_is_said_to_be_nothing() -> None:
    empty = run("ad", loss_steps=EMPTY, loss=EMPTY, spectrum=EMPTY)
    point = run("fd", entropy_steps=STEPS[:1], truncated_entropy=ENTROPY[:1])
    left, middle, right = figures.comparison_figure([empty, point]).axes
    assert with_data(right, STEPS[:1], ENTROPY[:1])[0].get_marker() == "o"
    assert not any(axes.texts for axes in (left, middle, right))
    nothing = figures.comparison_figure([empty])
    drawn(nothing)
    assert [len(axes.texts) for axes in nothing.axes] == [1, 1, 0]
    drawn(figures.loss_figure(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, "ad"))
    drawn(figures.entropy_loss_figure(EMPTY, EMPTY, EMPTY, "ad"))


def test_a_map_has_x_to_the_right_and_y_upwards() -> None:
    shuffled = np.random.default_rng(2).permutation(GRID)
    u = shuffled[:, 0] + 5 * shuffled[:, 1]  # 0 .. 11 over [0, 1] x [0, 2]
    figure = figures.solution_figure(shuffled, u, u, "ad")
    pixels = np.asarray(drawn(figure).buffer_rgba())
    for x, y in [(0.25, 0.4), (0.75, 0.4), (0.25, 1.6), (0.75, 1.6)]:
        column, row = figure.axes[0].transData.transform((x, y)).astype(int)
        wanted = matplotlib.colormaps["viridis"]((x + 5 * y) / 11, bytes=True)
        np.testing.assert_allclose(pixels[-1 - row, column], wanted, atol=2)


def test_the_colours_of_an_error_map_are_symmetric_and_of_the_solutions_shared() -> None:
    exact = GRID[:, 0]
    figure = figures.solution_figure(GRID, np.where(exact > 0.9, exact - 0.3, exact), exact, "fd")
    left, middle, right = (axes.collections[0].get_clim() for axes in figure.axes)
    assert left == middle == (0, 1)
    assert right == pytest.approx((-0.3, 0.3))


def test_maps_of_values_that_are_equal_or_not_finite_are_drawn() -> None:
    zero = 0 * GRID[:, 0]
    for u in (zero, zero + np.nan, np.where(GRID[:, 0] > 0.5, np.inf, 1)):
        drawn(figures.solution_figure(GRID, u, zero, "ad"))


def test_a_solution_on_a_line_is_sorted_and_one_on_scattered_points_is_u_over_exact() -> None:
    x = np.array([0.5, -1.0, 0.0])
    left, right = figures.solution_figure(x[:, None], 2 * x, x, "ad").axes
    assert with_data(left, np.sort(x), 2 * np.sort(x))
    assert with_data(right, np.sort(x), np.sort(x))
    for points in (CLOUD, CLOUD[:, :2], GRID[1:]):
        u = points[:, 0]
        (axes,) = figures.solution_figure(points, u + 1, u, "ad").axes
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
    assert legend(figure)[-1] == "and 38 more"
    assert len(legend(figure)) == 13
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
    assert legend(figure) == ["ad", "fd"]
    assert figure.get_suptitle().endswith(": poisson1d, N = 64")


def test_matplotlib_settings_are_left_alone_and_do_not_matter(tmp_path) -> None:
    before = dict(matplotlib.rcParams)
    figures.save(FIGURES["loss"]("ad"), tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9}):
        figures.save(FIGURES["loss"]("ad"), tmp_path / "changed.png")
    assert dict(matplotlib.rcParams) == before
    plain, changed = imread(tmp_path / "plain.png"), imread(tmp_path / "changed.png")
    np.testing.assert_array_equal(plain, changed)


def test_a_long_noisy_history_is_written(tmp_path) -> None:
    steps = np.arange(200_000)
    loss = np.exp(np.random.default_rng(3).normal(size=steps.size))
    figures.save(figures.loss_figure(steps, loss, loss, loss, loss, "ad"), tmp_path / "long.png")
    assert imread(tmp_path / "long.png").shape == (690, 960, 4)


def test_importing_the_figures_imports_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys, pinnspectra.figures; print({'torch', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
