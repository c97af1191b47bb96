"""What people write by hand, with torch alone: the programs that ours are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

WIDTH = 100


class Network(nn.Module):
    """u = sum_j a_j sin(w_j . x + b_j), (N, d) -> (N, 1)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimension, WIDTH)
        self.output = nn.Linear(WIDTH, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The network's output."""
        return self.output(torch.sin(self.hidden(x)))


def slope(u: Tensor, x: Tensor) -> Tensor:
    """du/dx, of which further derivatives can be taken."""
    return torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]


def poisson1d_loss(net: Network, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    """The loss of u_xx = f on [-1, 1], u = 0 at both ends."""
    forcing = -(math.pi**2) * torch.sin(math.pi * x.detach())

    def loss() -> Tensor:
        u_xx = slope(slope(net(x), x), x)
        return torch.mean((u_xx - forcing) ** 2) + torch.mean(net(y) ** 2)

    return loss


def poisson2d_loss(net: Network, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    """The loss of u_xx + u_yy = f on [0, 1]^2, u = 0 on the boundary."""
    forcing = -2 * math.pi**2 * torch.sin(math.pi * x.detach()).prod(dim=1, keepdim=True)

    def loss() -> Tensor:
        gradient = slope(net(x), x)
        u_xx = slope(gradient[:, 0:1], x)[:, 0:1]
        u_yy = slope(gradient[:, 1:2], x)[:, 1:2]
        return torch.mean((u_xx + u_yy - forcing) ** 2) + torch.mean(net(y) ** 2)

    return loss


def biharmonic_loss(net: Network, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    """The loss of u_xxxx = exp(x) on [-1, 1], u = u_x = 0 at both ends, lambda = 100."""
    forcing = torch.exp(x.detach())

    def loss() -> Tensor:
        u_xxxx = slope(slope(slope(slope(net(x), x), x), x), x)
        u_y = net(y)
        boundary = torch.mean(u_y**2) + torch.mean(slope(u_y, y) ** 2)
        return torch.mean((u_xxxx - forcing) ** 2) + 100 * boundary

    return loss


LOSSES = {
    "poisson1d": poisson1d_loss,
    "poisson2d": poisson2d_loss,
    "biharmonic": biharmonic_loss,
}


def points(pde: str, per_axis: int) -> tuple[Tensor, Tensor]:
    """Interior points (N, d) and boundary points, float32."""
    axis = torch.arange(0, per_axis + 1) / per_axis
    if pde != "poisson2d":
        axis = (2 * axis - 1).unsqueeze(1)
        return axis[1:].contiguous(), axis[[0, -1]]
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    grid = torch.stack([x, y], dim=-1)
    edges = [grid[0, 1:], grid[-1, :-1], grid[1:, -1], grid[:-1, 0]]
    return grid[1:, 1:].reshape(-1, 2), torch.cat(edges)


def gradient_step(pde: str, per_axis: int) -> Callable[[], None]:
    """A full-batch gradient step by nested torch.autograd.grad."""
    torch.manual_seed(0)
    x, y = points(pde, per_axis)
    net = Network(x.shape[1])
    loss = LOSSES[pde](net, x.requires_grad_(), y.requires_grad_())
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step
