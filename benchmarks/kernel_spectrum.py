"""The spectrum of the training kernel against jacrev, a Gram matrix and eigvalsh.

Ours is `kernel_singular_values`, whose squares are the eigenvalues of G. By hand is what people
write: the residual of one point with `torch.func`, its gradients at all points by
`vmap(jacrev(...))`, G = J J^T, `torch.linalg.eigvalsh`. Both in float64, one thread, M = 100, AD;
calls alternate in one process. The ratio is the time by hand over ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import by_hand
import torch
from measuring import Row, at_least, benchmark, in_turn, median, ratio, use_one_core
from torch import Tensor
from torch.func import functional_call, hessian, jacfwd, jacrev, vmap

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Automatic
from pinnspectra.networks import TwoLayer
from pinnspectra.problems import AbstractPDE, Biharmonic, Poisson
from pinnspectra.spectra.kernel import kernel_singular_values


def fourth_derivative(u: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """u_xxxx at one point, (1,)."""
    for _ in range(4):
        u = jacfwd(u)
    return u(x).squeeze()


def laplacian(u: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Laplacian of u at one point."""
    return torch.trace(hessian(u)(x))


PROBLEMS: list[tuple[str, AbstractPDE, int, Callable[..., Tensor], float | None]] = [
    ("poisson1d", Poisson((-1.0,), (1.0,)), 100, laplacian, None),
    ("biharmonic", Biharmonic(), 100, fourth_derivative, None),
    ("poisson2d", Poisson((0.0, 0.0), (1.0, 1.0)), 64, laplacian, 40),
]
"""Name, problem, points per axis, its operator by hand, the ratio to reach."""


def spectrum_by_hand(
    net: by_hand.Network, operator: Callable[..., Tensor], x: Tensor, forcing: Tensor
) -> Tensor:
    """The eigenvalues of G = J J^T, ascending."""
    parameters = {name: value.detach() for name, value in net.named_parameters()}

    def residual(parameters: dict[str, Tensor], point: Tensor, f: Tensor) -> Tensor:
        return operator(lambda z: functional_call(net, parameters, (z,))[0], point) - f

    rows = vmap(jacrev(residual), in_dims=(None, 0, 0))(parameters, x, forcing)
    J = torch.cat([row.flatten(1) for row in rows.values()], dim=1)
    return torch.linalg.eigvalsh(J @ J.mT)


def rows() -> Iterator[Row]:
    """One a problem."""
    for name, pde, per_axis, operator, wanted in PROBLEMS:
        interior, boundary = pde.domain.grid(per_axis), pde.domain.boundary(per_axis)
        collocation = Collocation(pde, Automatic(), interior, boundary)
        network = TwoLayer(by_hand.WIDTH)
        parameters = network.initial_parameters(pde.domain.dimension, [0], torch.float64)
        net = by_hand.Network(pde.domain.dimension).double()
        with torch.no_grad():
            net.hidden.weight.copy_(parameters["weights_1"][0])
            net.hidden.bias.copy_(parameters["biases_1"][0])
            net.output.weight.copy_(parameters["coefficients"])
        x = interior.coordinates
        by_hands = partial(spectrum_by_hand, net, operator, x, pde.forcing(x))
        ours = partial(kernel_singular_values, collocation, network, parameters)
        largest = float(by_hands()[-1])
        if not math.isclose(largest, float(ours()[0, 0]) ** 2, rel_tol=1e-9):
            raise RuntimeError(f"{name}: the two spectra differ")
        count = sum(value.numel() for value in parameters.values())
        pairs = in_turn(by_hands, ours, rounds=5 if len(x) > 1000 else 21)
        measured = ratio(pairs)
        yield {
            "problem": name,
            "points": len(x),
            "parameters": count,
            **measured,
            **at_least(measured["ratio"], wanted),
            "by hand (ms)": 1e3 * median(first for first, _ in pairs),
            "ours (ms)": 1e3 * median(second for _, second in pairs),
        }


if __name__ == "__main__":
    use_one_core()
    benchmark(__file__, __doc__, rows())
