"""Figures: what they draw is what they were given, in one look, whatever the numbers."""

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
from matplotlib.collections import Collection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D
from scripts import run_process

from pinnspectra.show import figures
from pinnspectra.show.figures import Curves, method_colour
from pinnspectra.show.figures.curves import FEW, by_learning_rate
from pinnspectra.show.figures.members import ENDED, across, ended
from pinnspectra.show.figures.spectra import EIGENVALUE, NEAR_FLOOR
from pinnspectra.show.figures.spectra import FLOOR as FLOOR_LABEL
from pinnspectra.show.figures.style import OTHER_COLOURS
from pinnspectra.spectra.entropy import effective_cutoff

METHODS = ("ad", "fd", "complex_step")  # of which the last is not listed
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


def losses(steps: Any, *parts: Any) -> dict[str, Any]:
    """Metrics of a run: its loss, interior, boundary and true interior loss; the last for more."""
    names = ("loss", "loss/interior", "loss/boundary", "loss/interior_ad64")
    values = [*parts, *[parts[-1]] * (4 - len(parts))]
    return {"step": steps} | dict(zip(names, values, strict=True))


def run(method: str = "fd", label: str = "", **changed: Any) -> Curves:
    """A training run of one member."""
    entropy = {"spectrum/truncated_entropy": ENTROPY, "spectrum/effective_cutoff": STEPS // 99}
    given = {
        "metrics": losses(STEPS, LOSS, 2 * LOSS, 3 * LOSS) | entropy | {"spectrum/loss": LOSS},
        "spectrum": SPECTRUM,
        "first_spectrum": 2 * SPECTRUM,
        "spectrum_steps": (0, 900),
        "floor": FLOOR,
        "cutoff": 1e-5,
    }
    return Curves(method=method, label=label, **given | changed)


def solve(method: str = "fd", label: str = "") -> Curves:
    """A random feature solve."""
    return Curves(method=method, label=label, spectrum=SPECTRUM, floor=FLOOR, cutoff=1e-8,
                  truncation_position=POSITION, relative_training_error=ERROR, used=12)  # fmt: skip


def solves(*curves: Curves) -> Figure:
    return figures.rfm_comparison_figure(curves)


def solution(points: np.ndarray) -> Callable[[str], Figure]:
    u = points.sum(1)
    return lambda method: figures.solution_figure(points, {"": u + 0.1}, u, method)


OF_RUNS: dict[str, Callable[[Sequence[Curves]], Figure]] = {
    name: getattr(figures, f"{name}_figure")
    for name in ("loss", "eigenvalue", "entropy", "entropy_loss", "comparison")
}

FIGURES: dict[str, Callable[..., Figure]] = {
    **{name: lambda *ms, draw=draw: draw([*map(run, ms)]) for name, draw in OF_RUNS.items()},
    "solution": solution(LINE),
    "solution_scattered": solution(CLOUD),
    "solution_map": solution(GRID),
    "spectrum": lambda *ms: figures.spectrum_figure(
        dict.fromkeys(ms, SPECTRUM), 1e-8, dict.fromkeys(ms, FLOOR)
    ),
    "truncation": lambda m: figures.truncation_figure(solve(m)),
    "solves": lambda *ms: solves(*map(solve, ms)),
}
"""By the methods that they show: one, or any number of those OF_SEVERAL."""

OF_SEVERAL = ("spectrum", "comparison", "solves")


def lines(axes: Axes, x: np.ndarray, y: np.ndarray) -> list[Line2D]:
    """The lines of a panel that hold exactly this data."""
    wanted = np.stack([x, y])
    return [line for line in axes.lines if np.array_equal(line.get_data(), wanted)]


def levels(axes: Axes) -> list[float]:
    """The heights of the dashed lines across a panel."""
    found = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    return [line.get_ydata()[0] for line in found if line.get_linestyle() == "--"]


def marks(axes: Axes) -> list[tuple[float, float]]:
    """Where the black-edged dots of a panel are."""
    dots = [line for line in axes.lines if line.get_markeredgecolor() == "black"]
    return [tuple(line.get_xydata()[0]) for line in dots if line.get_linestyle() == "None"]


def hollow(axes: Axes) -> np.ndarray:
    """Where the hollow marks of a panel are, (n, 2)."""
    marked = [line.get_xydata() for line in axes.lines if line.get_markerfacecolor() == "white"]
    return np.concatenate([np.empty((0, 2)), *marked])


def bands(axes: Axes) -> list[np.ndarray]:
    """Lower and upper limit, (2, K), of every band of a panel, without the ends of its outline."""
    paths = [c.get_paths()[0].vertices for c in axes.collections if isinstance(c, PolyCollection)]
    halves = [(path[1 : len(path) // 2], path[len(path) // 2 + 1 : -1][::-1]) for path in paths]
    return [np.stack([low[:, 1], high[:, 1]]) for low, high in halves]


def crosses(axes: Axes) -> list[float]:
    """Where the crosses above a panel are."""
    return [x for line in axes.lines if line.get_marker() == "x" for x in line.get_xdata()]


def maps(figure: Figure) -> list[QuadMesh]:
    """The maps of a figure, panel by panel."""
    return [c for axes in figure.axes for c in axes.collections if isinstance(c, QuadMesh)]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def colours(figure: Figure) -> set[str]:
    """Colours of methods that are somewhere in a figure, on lines, marks, bands or its legend."""
    used: list[Any] = []
    for line in figure.findobj(Line2D):
        used += [line.get_color(), line.get_markerfacecolor(), line.get_markeredgecolor()]
    for collection in figure.findobj(Collection):
        used += [] if collection.get_array() is not None else [*collection.get_facecolor()]
    of_methods = {*map(method_colour, METHODS), *figures.METHOD_COLOURS.values()}
    return of_methods & {to_hex(colour).upper() for colour in used}


def test_methods_are_told_apart_and_an_unlisted_one_keeps_a_colour_of_its_own() -> None:
    listed = list(figures.METHOD_COLOURS.values())
    assert len({*listed, *OTHER_COLOURS}) == len(listed) + len(OTHER_COLOURS)
    assert method_colour("complex_step") in OTHER_COLOURS


def assert_nothing_covered_or_cut(figure: Figure) -> None:
    figure.draw_without_rendering()
    parts = [box for axes in figure.axes if (box := axes.get_tightbbox())]
    keys = [key.get_window_extent() for key in figure.legends]
    assert not any(box.overlaps(part) for box in keys for part in parts)
    page = figure.bbox.padded(1)
    for box in (*parts, *keys):
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1


@pytest.mark.parametrize("name", FIGURES)
def test_a_colour_means_one_method_and_nothing_is_covered_or_cut(name: str) -> None:
    several = [("ad", "fd", "fd_exact"), METHODS] if name in OF_SEVERAL else []
    for methods in (("fd",), ("complex_step",), *several):
        figure = FIGURES[name](*methods)
        shown = set() if name == "solution_map" else {*map(method_colour, methods)}
        assert colours(figure) == shown
    assert_nothing_covered_or_cut(figure)


def test_the_panels_hold_the_data_given() -> None:
    (axes,) = FIGURES["loss"]("fd").axes
    assert [len(lines(axes, STEPS, c * LOSS)) for c in (1, 2, 3)] == [1, 1, 2]
    tripled = run("fd", metrics=losses(STEPS, 3 * LOSS))
    left, middle, right = figures.comparison_figure([run("ad"), tripled]).axes
    assert len(lines(left, STEPS, LOSS)) == len(lines(left, STEPS, 3 * LOSS)) == 1
    assert len(lines(middle, POSITION, SPECTRUM)) == 2
    assert len(lines(right, STEPS, ENTROPY)) == 1
    upper, number, lower = FIGURES["entropy"]("ad").axes
    assert lines(upper, STEPS, ENTROPY)
    assert lines(number, STEPS, STEPS // 99)
    assert lines(lower, STEPS, LOSS)
    (eigenvalues,) = FIGURES["eigenvalue"]("ad").axes
    assert lines(eigenvalues, POSITION, SPECTRUM)
    assert lines(eigenvalues, POSITION, 2 * SPECTRUM)
    assert lines(FIGURES["entropy_loss"]("ad").axes[0], ENTROPY, LOSS)
    assert [axes.get_yscale() for axes in (left, middle, right)] == ["log", "log", "linear"]
    spectra, errors = solves(solve()).axes
    assert spectra.get_yscale() == errors.get_yscale() == errors.get_xscale() == "log"


@pytest.mark.parametrize("cutoff", [1e-2, 1e-8, 2.5e-11, 0.0])
def test_the_cutoff_line_and_the_mark_follow_definition_1(cutoff: float) -> None:
    e = int(effective_cutoff(torch.tensor(SPECTRUM), cutoff))
    shuffled = np.random.default_rng(1).permutation(SPECTRUM)
    for figure in (
        figures.spectrum_figure({"ad": shuffled}, cutoff, {"ad": FLOOR}),
        figures.eigenvalue_figure([run(first_spectrum=7 * SPECTRUM, cutoff=cutoff)]),
    ):
        (axes,) = figure.axes
        assert levels(axes) == ([cutoff * SPECTRUM.max()] if cutoff else [])
        assert marks(axes) == [(e, SPECTRUM[e - 1])]
        assert any(label.endswith(f"= {e}") for label in legend(figure))
    (axes,) = figures.spectrum_figure({"ad": [2.0, 4.0, 1.0]}, 0.5).axes
    assert marks(axes) == [(2, 2)]  # a value at the cut-off counts


def test_the_floor_is_drawn_and_what_is_near_it_is_marked_as_rounding() -> None:
    of_solve, of_kernel = FIGURES["spectrum"]("fd"), FIGURES["eigenvalue"]("fd")
    of_solves, of_runs = solves(solve()).axes[0], figures.comparison_figure([run()]).axes[1]
    panels = [(of_solve.axes[0], 2), (of_kernel.axes[0], 4), (of_solves, 2), (of_runs, 4)]
    for axes, factor in panels:  # eigenvalues are squares
        (line,) = lines(axes, POSITION, FLOOR)
        assert line.get_linestyle() == ":"
        near = np.flatnonzero(factor * FLOOR >= SPECTRUM)
        k = hollow(axes)[:, 0].astype(int) - 1
        assert set(k) <= set(near)
        assert k[0] == near[0]
        assert k.size > min(near.size, 10) / 2
        np.testing.assert_array_equal(hollow(axes)[:, 1], SPECTRUM[k])
        assert {FLOOR_LABEL, NEAR_FLOOR} <= set(legend(axes.figure))


@pytest.mark.parametrize("floor", [EMPTY, FLOOR * np.nan, FLOOR * 1e-9])
def test_a_spectrum_without_a_floor_or_far_above_it_has_no_mark_of_rounding(floor) -> None:
    figure = figures.spectrum_figure({"ad": SPECTRUM}, 1e-8, {"ad": floor})
    figure.draw_without_rendering()
    assert hollow(figure.axes[0]).size == 0
    assert NEAR_FLOOR not in legend(figure)
    assert (FLOOR_LABEL in legend(figure)) == np.isfinite(floor).any()


def test_marks_and_bands_that_could_not_be_told_apart_are_left_out() -> None:
    drawing = of_ensemble(12, {}, np.repeat([1e-2, 1e-3, 1e-4, 1e-5], 3))
    for name in ("entropy", "eigenvalue", "line"):
        assert not any(bands(axes) for axes in drawing[name].axes)
        assert "band" not in drawing[name].get_suptitle()
    assert all(len(bands(axes)) == 4 for axes in drawing["loss"].axes)
    for count in (FEW, FEW + 1):
        runs = figures.comparison_figure(ensemble(5) * count)
        several = solves(*(solve("fd", f"seed={i}") for i in range(count)))
        assert [len(bands(axes)) for axes in runs.axes] == 3 * [count if count == FEW else 0]
        assert ("band" in runs.get_suptitle()) == (count == FEW)
        assert len(lines(several.axes[0], POSITION, FLOOR)) == count
        assert (hollow(several.axes[0]).size > 0) == (count == FEW)
        assert (NEAR_FLOOR in legend(several)) == (count == FEW)
        assert FLOOR_LABEL in legend(several)


def test_the_floor_and_the_cutoff_of_an_ensemble_are_medians_of_those_that_are_left() -> None:
    last = np.array([[1.0, 1e-3], [2.0, 1e-4], [4.0, 1e-5], [np.nan, np.nan]])
    floor = np.array([[1e-4, 1e-4], [2e-4, 2e-4], [9e-4, 9e-4], [np.nan, np.nan]])
    (axes,) = figures.eigenvalue_figure([run(spectrum=last, floor=floor)]).axes
    assert lines(axes, np.array([1, 2]), np.array([2e-4, 2e-4]))
    assert hollow(axes).tolist() == [[2, 1e-4]]
    values = np.array([1.0, 1e-2, 1e-4, 1e-6])
    last = np.stack([values, values**2, values**0.5, values * np.nan])
    figure = figures.eigenvalue_figure([run(spectrum=last, floor=EMPTY, cutoff=2e-4)])
    assert marks(figure.axes[0]) == [(2, 1e-2)]  # e is 2, 1 and 4 of the three
    assert any(label.endswith("= 2 (1 to 4)") for label in legend(figure))


def test_the_truncation_curve_is_marked_at_the_position_that_is_used() -> None:
    (axes,) = FIGURES["truncation"]("fd").axes
    assert lines(axes, POSITION, ERROR)
    assert marks(axes) == marks(solves(solve()).axes[1]) == [(12, ERROR[11])]


def test_the_path_over_entropy_marks_its_first_and_last_step() -> None:
    figure = FIGURES["entropy_loss"]("ad")
    assert marks(figure.axes[0]) == [(ENTROPY[0], LOSS[0]), (ENTROPY[-1], LOSS[-1])]
    assert [label.split()[-1] for label in legend(figure)] == ["0", "4900"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_log_axis_cannot_show_is_left_out_without_a_warning(dtype: type) -> None:
    bad = np.array([3, 0, np.nan, np.inf, -1, 2e-30, 5], dtype=dtype)
    steps = np.arange(7)
    entropy = {f"spectrum/{name}": bad for name in ("truncated_entropy", "loss")}
    odd = run(
        metrics=losses(steps, bad) | entropy,
        spectrum=bad,
        first_spectrum=0 * bad[:2],
        truncation_position=steps,
        relative_training_error=bad,
    )
    drawn = {name: draw([odd]) for name, draw in OF_RUNS.items()}
    assert lines(drawn["loss"].axes[0], steps[[0, 5, 6]], bad[[0, 5, 6]])
    assert marks(drawn["eigenvalue"].axes[0]) == [(2, 3)]
    for figure in (*drawn.values(), figures.truncation_figure(odd)):
        figure.draw_without_rendering()


def test_a_diverging_run_is_drawn_without_a_warning() -> None:
    steps = np.arange(617)
    loss = figures.loss_figure([run(metrics=losses(steps, 10.0 ** (steps - 308)))])
    spectrum = figures.spectrum_figure({"fd": 10.0 ** (308 - steps)}, 1e-5, {"fd": 10.0**-steps})
    for figure in (loss, spectrum):
        figure.draw_without_rendering()


def test_a_single_point_is_marked_and_empty_panels_say_so() -> None:
    point = {"step": STEPS[:1], "spectrum/truncated_entropy": ENTROPY[:1]}
    empty = Curves(method="ad")
    panels = figures.comparison_figure([run("ad"), run("fd", metrics=point)]).axes
    assert lines(panels[2], STEPS[:1], ENTROPY[:1])[0].get_marker() == "o"
    assert not any(axes.texts for axes in panels)
    for name, draw in OF_RUNS.items():
        figure = draw([empty])
        figure.draw_without_rendering()
        assert name == "entropy" or all(axes.texts for axes in figure.axes)
    assert all(axes.texts for axes in solves(empty).axes)


def test_a_map_has_x_to_the_right_and_y_upwards() -> None:
    shuffled = np.random.default_rng(2).permutation(GRID)
    u = shuffled[:, 0] + 5 * shuffled[:, 1]
    figure = figures.solution_figure(shuffled, {"": u}, u, "ad")
    drawn = maps(figure)[0]
    corners = drawn.get_coordinates()
    x, y = ((corners[1:, 1:] + corners[:-1, :-1]) / 2).T
    np.testing.assert_allclose(drawn.get_array().T, x + 5 * y)
    (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert left < right
    assert bottom < top


def test_the_colours_of_an_error_map_are_symmetric_and_of_the_solutions_shared() -> None:
    exact = GRID[:, 0]
    u = np.where(exact > 0.9, exact - 0.3, exact)
    left, middle, right, *_ = maps(figures.solution_figure(GRID, {"": u}, exact, "fd"))
    assert left.get_clim() == middle.get_clim() == (0, 1)
    assert right.get_clim() == pytest.approx((-0.3, 0.3))
    for odd in (0 * exact, exact + np.nan, np.where(exact > 0.5, np.inf, 1)):
        figures.solution_figure(GRID, {"": odd}, 0 * exact, "ad").draw_without_rendering()


def test_a_solution_on_a_line_is_sorted_and_one_on_scattered_points_is_u_over_exact() -> None:
    x = np.array([0.5, -1.0, 0.0])
    left, right = figures.solution_figure(x[:, None], {"": 2 * x}, x, "ad").axes
    assert lines(left, np.sort(x), 2 * np.sort(x))
    assert lines(right, np.sort(x), np.sort(x))
    for points in (CLOUD, CLOUD[:, :2], GRID[1:]):
        u = points[:, 0]
        (axes,) = figures.solution_figure(points, {"": u + 1}, u, "ad").axes
        assert lines(axes, u, u + 1)


def test_fifty_runs_stay_legible() -> None:
    names = [(m, f"pde=poisson1d, method={m}, seed={s}") for m in ("ad", "fd") for s in range(25)]
    figure = figures.comparison_figure([run(m, label) for m, label in names])
    assert_nothing_covered_or_cut(figure)
    listed = [label for label in legend(figure) if "seed=" in label]
    assert len(listed) < 20
    assert sum("method=fd" in label for label in listed) == len(listed) / 2
    assert f"{len(listed)} of 50 runs" in figure.get_suptitle()
    assert "pde=poisson1d" not in "".join(legend(figure))
    assert "pde=poisson1d" in figure.get_suptitle()
    looks = [(x.get_color(), x.get_linestyle(), x.get_alpha()) for x in figure.axes[0].lines[:12]]
    assert len(set(looks)) == 12


def test_labels_name_the_method_and_survive_any_text() -> None:
    figure = solves(*(solve("fd", label) for label in ("_hidden", "$x", "x" * 300, "")))
    assert_nothing_covered_or_cut(figure)
    assert legend(figure)[:2] == ["fd: _hidden", r"fd: \$x"]
    assert legend(figure)[3] == "fd"
    figure = solves(*(solve(m, "poisson1d, N = 64") for m in ("ad", "fd")))
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


FORMATS = ("png", "pdf", "svg")


@pytest.mark.parametrize("name", ["loss", "solution_map"])
def test_what_is_written_is_the_same_whenever_and_has_words_and_lines_as_such(tmp_path, name):
    def written(order):
        for ending in order:
            figures.save(FIGURES[name]("fd"), tmp_path / f"figure.{ending}")
        return {ending: (tmp_path / f"figure.{ending}").read_bytes() for ending in FORMATS}

    found = written(FORMATS)
    assert written(reversed(FORMATS)) == found
    words = ElementTree.fromstring(found["svg"]).itertext()
    assert any("method fd" in word for word in words)
    assert b"/Type3" not in found["pdf"]  # shapes of letters
    assert (b"/Subtype /Image" in found["pdf"]) == (name == "solution_map")


def test_a_figure_is_written_in_one_of_three_formats(tmp_path):
    with pytest.raises(ValueError, match=r"x\.jpg.*\.png, \.pdf, \.svg"):
        figures.save(FIGURES["loss"]("ad"), tmp_path / "x.jpg")


def test_a_long_noisy_history_is_written_whole(tmp_path) -> None:
    steps = np.arange(200_000)
    loss = np.exp(np.random.default_rng(3).normal(size=steps.size))
    loss[60_007], loss[60_009] = 1e6, 1e-9
    figure = figures.loss_figure([run(metrics=losses(steps, loss))])
    for ending in FORMATS:
        figures.save(figure, tmp_path / f"long.{ending}")
        assert (tmp_path / f"long.{ending}").stat().st_size < 1e6
    low, high = figure.axes[0].get_ylim()
    assert low < 1e-9
    assert high > 1e6


def contents(figure: Figure) -> list[Any]:
    """The numbers in the panels of a figure."""
    of_lines = [line.get_xydata() for axes in figure.axes for line in axes.lines]
    return [np.ma.filled(v).tolist() for v in (*of_lines, *(m.get_array() for m in maps(figure)))]


def tensors(values: Any) -> Any:
    return torch.tensor(np.asarray(values, dtype=float), requires_grad=True)


@pytest.mark.parametrize("given", [np.ndarray.tolist, tensors])
def test_every_figure_is_made_of_lists_and_tensors_as_of_arrays(given: Callable) -> None:
    def every(to: Callable) -> list[Figure]:
        plain, u = run(), to(GRID.sum(1))
        names = ("spectrum", "first_spectrum", "floor")
        curves = run(
            metrics={name: to(values) for name, values in plain.metrics.items()},
            **{name: to(getattr(plain, name)) for name in names},
            truncation_position=to(POSITION),
            relative_training_error=to(ERROR),
        )
        return [
            *(draw([curves]) for draw in OF_RUNS.values()),
            figures.truncation_figure(curves),
            figures.spectrum_figure({"ad": to(SPECTRUM)}, 1e-5, {"ad": to(FLOOR)}),
            figures.solution_figure(to(GRID), {"": u}, u, "fd"),
            figures.solution_figure(to(LINE), {"": to(LINE[:, 0])}, to(LINE[:, 0]), "fd"),
        ]

    for wanted, figure in zip(every(np.asarray), every(given), strict=True):
        assert contents(figure) == contents(wanted) != []


def test_spectra_of_methods_stand_in_one_panel_with_their_own_cutoff_and_floor() -> None:
    spectra = {"ad": SPECTRUM, "fd": np.stack([SPECTRUM, 3 * SPECTRUM])}
    figure = figures.spectrum_figure(spectra, 1e-8, {"fd": FLOOR}, eigenvalues=True)
    (axes,) = figure.axes
    assert lines(axes, POSITION, SPECTRUM)[0].get_color() == method_colour("ad")
    assert lines(axes, POSITION, 2 * SPECTRUM)[0].get_color() == method_colour("fd")
    np.testing.assert_allclose(bands(axes)[0], [SPECTRUM, 3 * SPECTRUM])
    assert levels(axes) == pytest.approx([1e-8 * SPECTRUM[0], 2e-8 * SPECTRUM[0]])
    assert lines(axes, POSITION, FLOOR)
    assert axes.get_ylabel() == EIGENVALUE
    assert sum("e(10^{-8})" in label for label in legend(figure)) == 2
    bare = figures.spectrum_figure({"ad": [3, 1, 2]})
    assert lines(bare.axes[0], np.array([1, 2, 3]), np.array([3, 2, 1]))
    assert len(legend(bare)) == 1


LOST = {3: 1, 9: 10, 40: 0}
ENSEMBLES: dict[str, tuple[int, dict[int, int], Sequence[float]]] = {
    "five": (5, {2: 4}, ()),
    "rates": (64, LOST, np.repeat([1e-3, 1e-4], 32)),
    "all diverged": (3, {0: 2, 1: 4, 2: 4}, ()),
    "no row at all": (2, {0: 0, 1: 0}, ()),
}


def ensemble(size: int, lost: dict[int, int] | None = None, rates: Any = ()) -> list[Curves]:
    """The curves of an ensemble, of which some members have diverged."""
    table = metrics(size, lost)
    spectra = np.random.default_rng(0).uniform(0.5, 1, (2, size, 1)) * SPECTRUM
    spectra[1, list(lost or {})] = np.nan
    return [
        Curves(
            method="fd",
            label=rate,
            metrics={"step": ROWS} | {name: values[:, which] for name, values in table.items()},
            first_spectrum=spectra[0, which],
            spectrum=spectra[1, which],
            floor=1e-3 * spectra[1, which],
            cutoff=1e-5,
        )
        for rate, which in by_learning_rate(rates, size).items()
    ]


def of_ensemble(size: int, lost: dict[int, int], rates: Sequence[float]) -> dict[str, Figure]:
    """Every figure of an ensemble."""
    curves = ensemble(size, lost, rates)
    drawing = {name: draw(curves) for name, draw in OF_RUNS.items()}
    for name, points in (("line", LINE), ("grid", GRID), ("cloud", CLOUD)):
        u = points.sum(1) + np.random.default_rng(1).normal(size=(size, 1))
        u[list(lost)] = np.nan
        groups = {rate: u[which] for rate, which in by_learning_rate(rates, size).items()}
        drawing[name] = figures.solution_figure(points, groups, points.sum(1), "fd")
    return drawing


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_figures_of_an_ensemble_are_whole_and_say_so(name: str) -> None:
    for figure in of_ensemble(*ENSEMBLES[name]).values():
        assert_nothing_covered_or_cut(figure)
        assert colours(figure) <= {method_colour("fd")}
        assert "member" in figure.get_suptitle()


def test_a_run_of_one_member_has_no_band_no_cross_and_no_word_of_members() -> None:
    for figure in of_ensemble(1, {}, ()).values():
        assert not any(bands(axes) or crosses(axes) for axes in figure.axes)
        assert "member" not in figure.get_suptitle()


def test_a_band_is_from_the_minimum_to_the_maximum_of_those_that_are_there_to_the_end() -> None:
    drawing = of_ensemble(*ENSEMBLES["five"])
    table = metrics(5)
    kept, H = (np.delete(table[n], 2, axis=1) for n in ("loss", "spectrum/truncated_entropy"))
    for axes in (drawing["entropy"].axes[2], drawing["comparison"].axes[0]):
        np.testing.assert_array_equal(bands(axes)[0], [kept.min(axis=1), kept.max(axis=1)])
        assert lines(axes, ROWS, np.median(kept, axis=1))[0].get_color() == method_colour("fd")
    upper = drawing["entropy"].axes[0]  # spectra are logged less often
    np.testing.assert_array_equal(bands(upper)[0], [H[::2].min(axis=1), H[::2].max(axis=1)])
    assert len(bands(drawing["loss"].axes[0])) == 4
    assert len(bands(drawing["eigenvalue"].axes[0])) == 2
    assert "5 members, 1 ended early:" in drawing["loss"].get_suptitle()


def test_a_cross_is_above_the_last_row_of_a_member_that_diverged() -> None:
    drawing = of_ensemble(64, LOST, ())
    for name, panel in (("loss", 0), ("entropy", 2), ("comparison", 0)):
        assert crosses(drawing[name].axes[panel]) == [0, 900, 0]  # the last, 40, has no row
        assert ENDED in legend(drawing[name])


def test_a_member_that_diverges_does_not_take_the_scale_with_it() -> None:
    table, limits = metrics(5, {2: 8}), []
    for high in (1, 1e30):
        table["loss"][7, 2] = table["spectrum/loss"][6, 2] = high
        curves = [Curves(method="fd", metrics={"step": ROWS} | table)]
        for figure in (figures.loss_figure(curves), figures.entropy_loss_figure(curves)):
            figure.draw_without_rendering()
            limits.append(figure.axes[0].get_ylim())
    assert limits[:2] == limits[2:]


def test_learning_rates_have_curves_of_their_own() -> None:
    drawing = of_ensemble(*ENSEMBLES["rates"])
    loss = metrics(64, LOST)["loss"]
    kept = [np.setdiff1d(np.arange(32), [3, 9]), np.setdiff1d(np.arange(32, 64), [40])]
    left, right = drawing["loss"].axes
    assert [left.get_title(), right.get_title()] == ["lr = 0.001", "lr = 0.0001"]
    for axes, members in ((left, kept[0]), (right, kept[1])):
        wanted = np.stack([loss[:, members].min(axis=1), loss[:, members].max(axis=1)])
        assert any(np.array_equal(band, wanted) for band in bands(axes))
    assert left.get_ylim() == right.get_ylim()
    assert len(legend(drawing["loss"])) == 5  # once, not once a panel
    medians = [np.quantile(loss[:, members], 0.5, axis=1) for members in kept]
    lower = drawing["entropy"].axes[2]
    assert [lines(lower, ROWS, m)[0].get_linestyle() for m in medians] == ["-", "--"]
    assert sum("lr = 0.0001" in label for label in legend(drawing["eigenvalue"])) == 2
    assert sum("lr = 0.0001" in label for label in legend(drawing["entropy_loss"])) == 1
    assert len(maps(drawing["grid"])) >= 6


def test_solutions_are_the_median_and_the_band_of_the_members_left() -> None:
    exact = LINE[:, 0]
    u = exact + np.array([[0.0], [0.1], [0.5], [np.nan]])
    left, right = figures.solution_figure(LINE, {"": u}, exact, "ad").axes
    assert lines(left, exact, u[1])
    np.testing.assert_allclose(bands(right)[0], [0 * exact, 0 * exact + 0.5], atol=1e-12)
    grid = GRID.sum(1)
    figure = figures.solution_figure(GRID, {"": grid + np.array([[0.0], [0.1], [9.0]])}, grid, "ad")
    of_error = maps(figure)[2].get_array()
    np.testing.assert_allclose(of_error, 0 * of_error + 0.1)
    assert "3 members" in figure.get_suptitle()


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_median_and_limits_are_of_the_finite_values(K: int, S: int, data: st.DataObject) -> None:
    numbers = st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf])
    values = np.array(data.draw(st.lists(numbers, min_size=K * S, max_size=K * S))).reshape(K, S)
    for k, of_row in enumerate(zip(*across(values), strict=True)):
        finite = values[k][np.isfinite(values[k])]
        wanted = np.quantile(finite, [0, 0.5, 1]) if finite.size else [np.nan] * 3
        np.testing.assert_array_equal(of_row, wanted)
    last = [row for row in np.isfinite(values) if row.any()]
    np.testing.assert_array_equal(ended(values), ~last[-1] if last else np.ones(S, dtype=bool))


def test_importing_the_figures_imports_neither_torch_nor_pyplot() -> None:
    heavy = "{'torch', 'matplotlib.pyplot'}"
    code = f"import sys, pinnspectra.show.figures; print({heavy} & set(sys.modules))"
    assert run_process(sys.executable, "-c", code).stdout.strip() == "set()"
