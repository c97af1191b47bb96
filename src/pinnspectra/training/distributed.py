"""One run on several processes, a device each: every one has a share of the points.

All of them hold all parameters. What a gradient step needs of all points, gradients and losses, are
sums over the shares, which an all-reduce adds up to the same bits everywhere; then all processes
make the same update, and the parameters stay equal without being sent.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.signals import waiting_number
from pinnspectra.runs.starters import LostProcessError

LOST = "a process of this run has ended: the same command goes on from what is saved"


def check_processes(count: int, devices: int, collocation: Collocation) -> None:
    """Check that there are points for all processes.

    Raises:
        SettingsError: there are more processes than parts.
    """
    parts = collocation.interior.layers
    if count > parts:
        raise SettingsError(
            f"trainer.devices={devices}: {count} processes for {parts} parts of the points; take "
            f"points.per_axis={count} or more"
        )


def leave_at_exit() -> None:
    """Leave the process group before this process ends, whose threads would abort it then."""
    if processes() > 1:
        atexit.register(_leave)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def processes() -> int:
    """Return the number of processes of the run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return which of them this one is, from 0."""
    return dist.get_rank() if processes() > 1 else 0


def summed(*values: Tensor) -> tuple[Tensor, ...]:
    """Return the sums over the processes of tensors of one dtype, by one all-reduce.

    Every process must ask for as many sums, in the same order.

    Raises:
        LostProcessError: a process has ended.
    """
    if processes() == 1:
        return values
    flat = torch.cat([value.detach().flatten() for value in values])
    _all_reduce(flat, dist.ReduceOp.SUM)
    sums = flat.split([value.numel() for value in values])
    return tuple(part.view(value.shape) for part, value in zip(sums, values, strict=True))


def check_same(*numbers: int, device: torch.device) -> None:
    """Check that all processes have the same numbers.

    Raises:
        LostProcessError: one has others.
    """
    if processes() > 1:
        ends = torch.tensor([numbers, [-n for n in numbers]], device=device)
        _all_reduce(ends, dist.ReduceOp.MAX)
        if ends.sum():
            raise LostProcessError("a process of this run does something else: start it again")


def _all_reduce(values: Tensor, operation: Any) -> None:
    try:
        dist.all_reduce(values, op=operation)
    except RuntimeError as error:
        raise LostProcessError(LOST) from error


@contextmanager
def lost_processes() -> Iterator[None]:
    """Turn an error of the process group, also one that Lightning meets, into LostProcessError."""
    try:
        yield
    except RuntimeError as error:
        if processes() > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise LostProcessError(LOST) from error
        raise


def waiting_signal(device: torch.device) -> int:
    """Return the signal that waits in one of the processes, 0 for none; the same in all."""
    number = waiting_number()
    if processes() == 1:
        return number
    largest = torch.tensor(number, device=device)
    _all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)


@dataclass(frozen=True, eq=False)
class Share:
    """The points of a collocation that a process takes.

    Attributes:
        collocation: consecutive points of the interior and of the boundary.
        boundary: the weight of this boundary loss in that of all points.
    """

    collocation: Collocation
    boundary: float

    @staticmethod
    def of(whole: Collocation) -> Share:
        """Return the share of this process; all points where it is the only one.

        Where there are fewer boundary points than processes, every process takes all of them, with
        an equal weight.

        Raises:
            ValueError: there are more processes than layers of the points.
        """
        index, count = rank(), processes()
        if count == 1:
            return Share(whole, 1.0)
        few = whole.boundary.layers < count
        boundary = whole.boundary if few else whole.boundary.share(index, count)
        weight = 1 / count if few else boundary.layers / whole.boundary.layers
        interior = whole.interior.share(index, count)
        return Share(replace(whole, interior=interior, boundary=boundary), weight)
