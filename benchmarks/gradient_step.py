"""A gradient step of train.py against nested autograd.

Ours is `train.py` itself with `logger=[csv] callbacks=[]`: Lightning, measuring and a CSV row every
100 gradient steps are in it; compiling and starting are not. Nested autograd is what people write:
an `nn.Module` of `nn.Linear` layers, `torch.autograd.grad(..., create_graph=True)` order by order,
the same points and boundary terms, `torch.optim.SGD`, and no logging at all. Rounds alternate in
one process. The ratio is the time of nested autograd over ours, also where ours is FD; with S
members, ours is the time per member. One thread, float32, M = 100. FD of the biharmonic problem on
100 points evaluates u at 5 nodes a point, since h = 1/64 is no multiple of the spacing.
"""

from __future__ import annotations

from collections.abc import Iterator

import by_hand
from measuring import Row, at_least, benchmark, median, ratio, round_of, use_one_core
from training import train_in_turn

PROBLEMS = [
    ("poisson1d", 100, 100),
    ("biharmonic", 100, 100),
    ("poisson2d", 10, 100),
    ("poisson1d", 4096, 4096),
    ("biharmonic", 4096, 4096),
    ("poisson2d", 64, 4096),
]
"""Problem, points per axis, points."""

TO_REACH = {
    ("poisson1d", 100, "ad", 1): 30,
    ("poisson1d", 100, "fd", 1): 30,
    ("poisson1d", 100, "ad", 32): 100,
    ("poisson1d", 100, "fd", 32): 100,
    ("biharmonic", 100, "ad", 1): 30,
    ("biharmonic", 100, "fd", 1): 30,
    ("biharmonic", 100, "ad", 32): 100,
    ("biharmonic", 100, "fd", 32): 100,
    ("poisson2d", 4096, "ad", 1): 20,
    ("poisson2d", 4096, "fd", 1): 18,
    ("biharmonic", 4096, "ad", 1): 20,
    ("biharmonic", 4096, "fd", 1): 15,
}


def rows() -> Iterator[Row]:
    """One a problem, method and number of members."""
    for pde, per_axis, points in PROBLEMS:
        nested = by_hand.gradient_step(pde, per_axis)
        for members in (1, 32) if points == 100 else (1,):
            for method in ("ad", "fd"):
                overrides = [f"pde={pde}", f"method={method}", f"points.per_axis={per_axis}"]
                overrides += [f"ensemble.size={members}", "callbacks=[]"]
                pairs = [
                    (other, ours / members)
                    for ours, other in train_in_turn(
                        overrides, lambda ensemble, step=nested: round_of(step, 0.1)
                    )
                ]
                measured = ratio(pairs)
                wanted = TO_REACH.get((pde, points, method, members))
                yield {
                    "problem": pde,
                    "points": points,
                    "method": method,
                    "S": members,
                    **measured,
                    **at_least(measured["ratio"], wanted),
                    "nested (us)": 1e6 * median(first for first, _ in pairs),
                    "ours (us)": 1e6 * median(second for _, second in pairs),
                }


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
