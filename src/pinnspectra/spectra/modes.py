"""The modes of the loss: the eigenvalues of its kernel and the residual in its eigenbasis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation.base import Field
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.spectra.decomposition import svd, triangular_factor
from pinnspectra.spectra.kernel import residual_jacobian, row_blocks


@dataclass(frozen=True)
class LossModes:
    """Eigenvalues lambda_i of G = J J^T, descending, and squares rho_i^2, (..., n) each, float64.

    The rows rho of the loss, L = |rho|^2 = interior + boundary_weight boundary, are r / sqrt(N) and
    sqrt(boundary_weight / N_b) B_k u; J is their Jacobian and rho_i the component of rho along the
    i-th eigenvector of G. Gradient descent moves against grad L = 2 J^T rho, so that for small
    learning rates
        dL/dt = -|grad L|^2 = -4 rho^T G rho = -4 sum_i lambda_i rho_i^2,
    where t is the sum of the learning rates (Sec. 3.2, which prints -2 and so contradicts Eq. 16).
    """

    eigenvalues: Tensor
    squares: Tensor

    @property
    def loss(self) -> Tensor:
        """L = |rho|^2, (...)."""
        return self.squares.sum(dim=-1)

    @property
    def rate(self) -> Tensor:
        """rho^T G rho / rho^T rho, (...): the mean eigenvalue with weights rho_i^2."""
        return (self.eigenvalues * self.squares).sum(dim=-1) / self.loss


def loss_modes(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    boundary_weight: float,
) -> LossModes:
    """Decompose the loss of every member into modes, (S, n), n = min(rows of J, P + 1).

    [J rho] is reduced to its triangular factor [R c] block by block (triangular_factor), and R's
    left singular vectors map c to the components: O(N P min(N, P)), memory S P^2. Where J has more
    rows than columns the last mode, with lambda = 0, holds the part of rho outside the range of J.
    NaN for a member whose J or rho is not finite, or whose J has no decomposition that converges.

    For the accuracy of the eigenvalues see kernel_singular_values. Singular vectors mix where
    values are within some eps sigma_1 of each other, which moves squares between those modes only.
    """
    reduced = triangular_factor(_augmented_rows(collocation, network, parameters, boundary_weight))
    finite = reduced.isfinite().all(dim=-1).all(dim=-1)[:, None]
    reduced = reduced.where(finite[..., None], 0.0)
    c = reduced[..., -1:]
    R = torch.cat([reduced[..., :-1], torch.zeros_like(c)], dim=-1)  # wide, so that U is square
    U, sigma, _ = svd(R)
    squares = (U.mT @ c)[..., 0].square()
    return LossModes(sigma.square().where(finite, torch.nan), squares.where(finite, torch.nan))


def _augmented_rows(
    collocation: Collocation,
    network: AbstractNetwork,
    parameters: Parameters,
    boundary_weight: float,
) -> Iterator[Tensor]:
    """Yield [J rho], (S, n, P + 1), for consecutive parts of the points, then the boundary."""
    u = network.field({name: value.detach() for name, value in parameters.items()})
    N, N_b = len(collocation.interior.coordinates), len(collocation.boundary.coordinates)
    for part, J in row_blocks(collocation, network, parameters):
        yield torch.cat([J, part.residual(u).detach()[..., None]], dim=-1) / math.sqrt(N)

    def boundary(u: Field) -> Tensor:
        return torch.cat(collocation.boundary_residuals(u), dim=-1)

    J = residual_jacobian(boundary, network, parameters)
    yield torch.cat([J, boundary(u).detach()[..., None]], dim=-1) * math.sqrt(boundary_weight / N_b)
