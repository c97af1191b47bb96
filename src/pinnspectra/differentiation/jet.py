"""Taylor-mode differentiation: derivatives carried forward through the layers of a network.

An operator T = sum_j c_j D_(v_j)^(k_j), a sum of pure directional derivatives, goes through the
layers as one stream ("collapsed" Taylor mode):

    linear layer    T (W z + b) = W T z
    activation      T sigma(z)  = sigma'(z) T z
                                  + sum_j c_j sum_p n_p sigma^(|p|)(z) prod_b D_(v_j)^b z

with p the partitions of k_j into |p| >= 2 blocks b (Faa di Bruno). Mixed derivatives become such
sums by polarisation (directional.py). A jet is lazy: asked for T, a layer asks the layer below for
the derivatives that T needs. A derivative that is identically zero is None. First-layer tangents
D_v z = W v are constant columns (M, 1); they are kept apart from sigma^(m)(z) until the next linear
layer folds them into its weight.

Reference: Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 13 (Taylor mode).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from pinnspectra.differentiation.activations import AbstractActivation, Derivatives
from pinnspectra.differentiation.directional import Directional, directional, partitions
from pinnspectra.differentiation.operators import DifferentialOperator, MultiIndex

MAX_UNROLLED_INPUTS = 3
"""Inputs of a layer up to which W x is written as a sum of products, which compilers fuse."""

Product = tuple[Tensor | None, Tensor]
"""factor * tensor, factor (..., M, 1) or (..., M, N), or None for 1."""


def _sum(terms: list[Tensor]) -> Tensor | None:
    return sum(terms[1:], terms[0]) if terms else None


class Jet(ABC):
    """A field with derivatives of any order, taken on demand."""

    def __init__(self) -> None:
        """Start with an empty cache of derivatives."""
        self._streams: dict[Directional, Tensor | None] = {}

    @property
    @abstractmethod
    def value(self) -> Tensor:
        """The values of the field."""

    @abstractmethod
    def products(self, operator: Directional) -> list[Product]:
        """Return the derivative as a sum of products; empty where it is identically zero."""

    def stream(self, operator: Directional) -> Tensor | None:
        """Return the derivative multiplied out, cached; None where it is identically zero."""
        if operator not in self._streams:
            terms = [t if f is None else f * t for f, t in self.products(operator)]
            self._streams[operator] = _sum(terms)
        return self._streams[operator]

    def derivative(self, operator: DifferentialOperator) -> Tensor:
        """Apply an operator to the field, in the shape of its value."""
        constant, rest = directional(operator)
        terms = [] if constant == 0 else [constant * self.value if constant != 1 else self.value]
        derivative = self.stream(rest) if rest else None
        if derivative is not None:
            terms.append(derivative)
        total = _sum(terms)
        return torch.zeros_like(self.value) if total is None else total.expand_as(self.value)

    @abstractmethod
    def at(self, points: slice) -> Jet:
        """Restrict the jet to a slice of the points, sharing the activations at all of them."""

    def __getitem__(self, index: object) -> Jet:
        """Index the value and every derivative alike."""
        return _Part(self, index)


class _Variable(Jet):
    """The coordinates, value (d, N)."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self._x = x

    @property
    def value(self) -> Tensor:
        return self._x.mT

    @property
    def mT(self) -> _Variable:  # noqa: N802 - networks write x.mT for tensors and for jets
        return self

    def at(self, points: slice) -> _Variable:
        return _Variable(self._x[points])

    def products(self, operator: Directional) -> list[Product]:
        raise TypeError("a field must begin with linear(x.mT, weight, bias)")


class _Linear(Jet):
    """W z + b."""

    def __init__(self, inner: Jet, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self._inner, self._weight, self._bias = inner, weight, bias

    @cached_property
    def value(self) -> Tensor:
        return linear(self._inner.value, self._weight, self._bias)

    def at(self, points: slice) -> _Linear:
        return _Linear(self._inner.at(points), self._weight, self._bias)

    def products(self, operator: Directional) -> list[Product]:
        if isinstance(self._inner, _Variable):
            slopes = [c * self._column(v) for v, k, c in operator if k == 1]
            slope = _sum(slopes)
        else:
            slope = self._folded(self._inner.products(operator))
        return [] if slope is None else [(None, slope)]

    def _column(self, direction: MultiIndex) -> Tensor:
        """Return W v, (..., M, 1): D_v of the first layer, constant over the points."""
        columns = [v * self._weight[..., i] for i, v in enumerate(direction) if v]
        return sum(columns[1:], columns[0]).unsqueeze(-1)

    def _folded(self, products: list[Product]) -> Tensor | None:
        """Return W sum factor * tensor; factors constant over the points scale W's columns."""
        terms, dense = [], []
        for factor, tensor in products:
            if factor is not None and factor.shape[-1] == 1:
                terms.append((self._weight * factor.mT) @ tensor)
            else:
                dense.append(tensor if factor is None else factor * tensor)
        total = _sum(dense)
        if total is not None:
            terms.append(self._weight @ total)
        return _sum(terms)


class _Activated(Jet):
    """sigma(z), with the derivatives of sigma at the values of z."""

    def __init__(self, inner: Jet, table: Derivatives) -> None:
        super().__init__()
        self._inner, self._table = inner, table

    @cached_property
    def value(self) -> Tensor:
        sign, tensor = self._table(0)
        return tensor if sign == 1 else sign * tensor

    def at(self, points: slice) -> _Activated:
        inner = self._inner.at(points)

        def table(m: int) -> tuple[float, Tensor]:
            return _restricted(inner.value, self._table, points, m)

        return _Activated(inner, table)

    def products(self, operator: Directional) -> list[Product]:
        factors: dict[int, list[Tensor]] = {}
        slope = self._inner.stream(operator)
        if slope is not None:
            factors[1] = [slope]
        for direction, order, coefficient in operator:
            for count, blocks in partitions(order):
                tangents = [self._inner.stream(((direction, b, 1.0),)) for b in blocks]
                if all(t is not None for t in tangents):
                    product = math.prod(tangents[1:], start=tangents[0])  # pyright: ignore
                    factors.setdefault(len(blocks), []).append(coefficient * count * product)
        products = []
        for m, terms in sorted(factors.items()):
            sign, tensor = self._table(m)
            factor = sum(terms[1:], terms[0])
            products.append((factor if sign == 1 else sign * factor, tensor))
        return products


def _restricted(z: Tensor, table: Derivatives, points: slice, m: int) -> tuple[float, Tensor]:
    """Return sigma^(m) at some points from a table, differentiable by z at those points."""
    sign, tensor = table(m)
    return sign, _Tabulated.apply(z, tensor.detach()[..., points], table, points, m)


class _Tabulated(torch.autograd.Function):
    """sigma^(m)(z) from a table, whose next entry is the slope."""

    @staticmethod
    def forward(z: Tensor, values: Tensor, table: Derivatives, points: slice, m: int) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.table, ctx.points, ctx.m = inputs[2:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (z,) = ctx.saved_tensors
        sign, slope = _restricted(z, ctx.table, ctx.points, ctx.m + 1)
        return ctx.table(ctx.m)[0] * sign * gradients[0] * slope, None, None, None, None


class _Part(Jet):
    """z[index]."""

    def __init__(self, inner: Jet, index: object) -> None:
        super().__init__()
        self._inner, self._index = inner, index

    @cached_property
    def value(self) -> Tensor:
        return self._inner.value[self._index]  # pyright: ignore[reportArgumentType]

    def at(self, points: slice) -> _Part:
        return _Part(self._inner.at(points), self._index)

    def products(self, operator: Directional) -> list[Product]:
        whole = self._inner.stream(operator)
        part = None if whole is None else whole[self._index]  # pyright: ignore
        return [] if part is None else [(None, part)]


TensorOrJet = TypeVar("TensorOrJet", Tensor, Jet)


def variable(x: Tensor) -> Jet:
    """Return the points (N, d) as the variable of differentiation."""
    return _Variable(x)


def linear(x: TensorOrJet, weight: Tensor, bias: Tensor | None = None) -> TensorOrJet:
    """Return W x + b, (..., M, N), for x (..., K, N), weight (..., M, K) and bias (..., M)."""
    if isinstance(x, Jet):
        return _Linear(x, weight, bias)
    if weight.shape[-1] <= MAX_UNROLLED_INPUTS:
        terms = [weight[..., i : i + 1] * x[..., i : i + 1, :] for i in range(weight.shape[-1])]
        product = sum(terms[1:], terms[0])
    else:
        product = weight @ x
    return product if bias is None else product + bias.unsqueeze(-1)


def activate(x: TensorOrJet, activation: AbstractActivation) -> TensorOrJet:
    """Apply an activation elementwise."""
    if isinstance(x, Jet):
        return _Activated(x, activation.derivatives(x.value))
    return activation(x)
