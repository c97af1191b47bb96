from fractions import Fraction

import numpy as np
import pytest
import torch

from pinnspectra.differentiation.points import Points
from pinnspectra.problems.domains import Box

EPS = torch.finfo(torch.float64).eps
INTERVAL, SQUARE = Box((-1.0,), (1.0,)), Box((0.0, 0.0), (1.0, 1.0))
BOXES = {
    "interval": INTERVAL,
    "square": SQUARE,
    "oblong": Box((-1.0, 2.0), (1.0, 2.5)),
    "cube": Box((0.0,) * 3, (1.0,) * 3),
}


@pytest.mark.parametrize("per_axis", [2, 49, 64])
@pytest.mark.parametrize(("lower", "upper"), [(-1, 1), (2, 5)])
def test_grid_is_lower_plus_i_h_for_i_from_1_to_N(lower, upper, per_axis):
    points = Box((float(lower),), (float(upper),)).grid(per_axis)
    exact = [lower + Fraction(i * (upper - lower), per_axis) for i in range(1, per_axis + 1)]
    x = points.coordinates[:, 0]
    assert x.dtype == torch.float64
    # h, i h and the sum are rounded once each
    np.testing.assert_allclose(x, np.array(exact, dtype=float), rtol=0, atol=3 * EPS * upper)
    assert x[-1] == pytest.approx(upper, abs=3 * EPS * upper)


def test_grid_of_a_plane_box_runs_fastest_along_its_last_axis():
    points = BOXES["oblong"].grid(2)
    assert points.coordinates.tolist() == [[0, 2.25], [0, 2.5], [1, 2.25], [1, 2.5]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("box", [INTERVAL, BOXES["oblong"]], ids=["interval", "oblong"])
@pytest.mark.parametrize("reach", [1, 3])
def test_extended_grid_agrees_bit_for_bit_where_it_overlaps(box, reach, dtype):
    per_axis = 49
    points = box.grid(per_axis).to(dtype)
    larger = points.extended(reach).coordinates
    d = box.dimension
    assert larger.dtype == dtype
    inner = larger.reshape(*[per_axis + 2 * reach] * d, d)
    for axis in range(d):
        inner = inner.narrow(axis, reach, per_axis)
    assert torch.equal(inner.reshape(-1, d), points.coordinates)


def test_extended_grid_goes_on_with_the_same_spacing():
    x = INTERVAL.grid(4).extended(2).coordinates[:, 0]
    assert x.tolist() == [-1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize("per_axis", [2, 5])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_boundary_points_are_the_outer_nodes_of_the_grid_lines_each_once(box, per_axis):
    y = box.boundary(per_axis).coordinates
    lower, upper = torch.tensor(box.lower), torch.tensor(box.upper)
    # index of each point on the grid lines, whole numbers up to rounding
    place = (y - lower) / (upper - lower) * per_axis
    index = place.round()
    torch.testing.assert_close(place, index, rtol=0, atol=1e-12)
    assert (index.amin(), index.amax()) == (0, per_axis)
    assert bool(((index == 0) | (index == per_axis)).any(dim=1).all())
    assert len(index.unique(dim=0)) == len(y)
    assert len(y) == (per_axis + 1) ** box.dimension - (per_axis - 1) ** box.dimension


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shifted_points_are_x_plus_offset_times_step_offset_by_offset(dtype):
    points = Box((-1.0, 0.0), (1.0, 1.0)).grid(3).to(dtype)
    offsets, step = ((-1, 2), (0, 0), (3, 1)), 0.07
    x = points.coordinates.numpy()
    expected = [x + x.dtype.type(step) * np.array(o, dtype=x.dtype) for o in offsets]
    assert np.array_equal(points.shifted(offsets, step).coordinates, np.concatenate(expected))


@pytest.mark.parametrize(
    ("lower", "upper"),
    [((1.0,), (1.0,)), ((1.0,), (0.0,)), ((0.0, 0.0), (1.0, float("inf"))),
     ((float("nan"),), (1.0,)), ((0.0,), (1.0, 1.0))],
)  # fmt: skip
def test_boxes_without_a_positive_finite_extent_are_refused(lower, upper):
    with pytest.raises(ValueError, match=r"lower < upper|zip"):
        Box(lower, upper)


@pytest.mark.parametrize("per_axis", [1, 0, -3])
@pytest.mark.parametrize("points_of", [SQUARE.grid, SQUARE.boundary])
def test_fewer_than_two_points_per_axis_are_refused(points_of, per_axis):
    with pytest.raises(ValueError, match=f"per_axis={per_axis}: .*at least 2"):
        points_of(per_axis)


def assert_are_slabs_of(whole, parts):
    """The parts are grids again, know of the whole, and are all of it in its order."""
    dtype = whole.coordinates.dtype
    assert torch.equal(torch.cat([part.coordinates for part in parts]), whole.coordinates)
    for part in parts:
        again = Points.on_grid(part.axes).to(dtype)
        assert torch.equal(again.coordinates, part.coordinates)
        assert [axis.whole_count for axis in part.axes] == [axis.count for axis in whole.axes]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_parts_are_the_points_cut_into_slabs_that_are_grids_again(box, dtype):
    whole, layer = box.grid(7).to(dtype), 7 ** (box.dimension - 1)
    for size in (1, 7, 20, 60, 10_000):
        parts = list(whole.parts(size))
        assert_are_slabs_of(whole, parts)
        assert all(len(part.coordinates) <= max(size, layer) for part in parts)


@pytest.mark.parametrize("size", [1, 3, 10, 12])
def test_scattered_points_are_cut_into_slices(size):
    x = Points(torch.arange(20.0).reshape(10, 2))
    parts = [part.coordinates for part in x.parts(size)]
    assert torch.equal(torch.cat(parts), x.coordinates)
    assert max(len(part) for part in parts) == min(size, 10)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_shares_are_the_points_cut_into_slabs_as_equal_as_can_be(box):
    whole = box.grid(7)
    for count in (1, 2, 3, 7):
        shares = [whole.share(i, count) for i in range(count)]
        counts = [part.layers for part in shares]
        assert max(counts) - min(counts) <= 1
        assert_are_slabs_of(whole, shares)
        assert_are_slabs_of(whole, [part for share in shares for part in share.parts(10)])


def test_points_are_not_cut_into_more_shares_than_they_have_layers():
    with pytest.raises(ValueError, match="7 layers of points cannot be divided among 8"):
        SQUARE.grid(7).share(0, 8)
    with pytest.raises(ValueError, match="2 points cannot be divided among 3"):
        INTERVAL.boundary(7).share(0, 3)


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_a_part_of_a_grid_is_extended_by_the_nodes_of_the_extended_whole(reach):
    whole = BOXES["oblong"].grid(6).to(torch.float32)
    larger = whole.extended(reach).coordinates.unflatten(0, [6 + 2 * reach] * 2)
    first = 0
    for part in whole.parts(12):
        rows = larger[first : first + 2 + 2 * reach].flatten(0, 1)
        assert torch.equal(part.extended(reach).coordinates, rows)
        first += 2


def test_a_part_of_a_grid_is_widened_as_far_as_the_whole_grid_goes():
    whole = INTERVAL.grid(8)
    x = whole.coordinates
    assert torch.equal(whole.widened(3).coordinates, x)
    slices = [slice(0, 5), slice(0, 7), slice(1, 8), slice(3, 8)]
    for part, expected in zip(whole.parts(2), slices, strict=True):
        wider = part.widened(3)
        assert torch.equal(wider.coordinates, x[expected])
        assert torch.equal(wider.widened(9).coordinates, x)


@pytest.mark.parametrize("enlarged", [Points.extended, Points.widened])
def test_scattered_points_cannot_be_enlarged(enlarged):
    with pytest.raises(ValueError, match="grid"):
        enlarged(Points(torch.zeros(3, 1)), 1)
