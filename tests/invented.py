"""Matrices with invented spectra."""

import pytest
import torch

SPECTRA = {
    "decaying": [2.0**-i for i in range(12)],
    "graded": [10.0**-i for i in range(12)],
    "step": [3.0] * 4 + [1e-5] * 8,
    "repeated": [1.0] * 12,
    "zeros": [5.0, 1.0, 0.2] + [0.0] * 9,
}
SHAPES = {"square": (12, 12), "tall": (40, 12), "wide": (12, 31)}
EACH_SHAPE = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def orthogonal(n, generator):
    square = torch.randn(n, n, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(square).Q


def matrix_from_singular_values(values, shape, seed=0):
    """U diag(values) V^T with random orthogonal factors."""
    generator = torch.Generator().manual_seed(seed)
    n, m = shape
    U, V = orthogonal(n, generator), orthogonal(m, generator)
    k = len(values)
    return U[:, :k] @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ V[:, :k].mT
