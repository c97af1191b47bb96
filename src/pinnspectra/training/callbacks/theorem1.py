"""Theorem 1 held against a training run."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from pinnspectra.runs.folder import RunFolder
from pinnspectra.solvers import SGD
from pinnspectra.spectra.modes import LossModes, loss_modes
from pinnspectra.spectra.theorem1 import bounds, smallest_window, window_shares
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.lightning import AbstractRecorder
from pinnspectra.training.rows import Row

log = logging.getLogger(__name__)

Record = tuple[int, float, Tensor, Tensor]
"""Gradient step, flow time, eigenvalues and squares of the modes of a member."""


class Theorem1(AbstractRecorder):
    """The modes of the whole loss during training, and Theorem 1's bounds on what it becomes.

    Adds theorem1/rate (rho^T G rho / rho^T rho) to the rows, and the smallest window of modes that
    holds more than 99 % of the residual: theorem1/first_mode, theorem1/last_mode (from 1),
    theorem1/share. At the end writes theorem1.json, a list with the bounds for every member and
    record t* (theorem1.Bounds). Taken of the run's method in float64, at step 0, every `every`
    gradient steps and at the end: O(N P min(N, P)) each.

    Args:
        folder: where theorem1.json goes.
        every: gradient steps between records.
        optimizer: what the run trains with.

    Raises:
        ValueError: the optimizer is not gradient descent, of which alone the theorem is.
    """

    def __init__(self, folder: RunFolder, every: int, optimizer: Any) -> None:
        if not (isinstance(optimizer, SGD) and optimizer.momentum == 0):
            raise ValueError(
                "Theorem 1 is of plain gradient descent: take optimizer=sgd with "
                "optimizer.momentum=0, or leave theorem1 out of callbacks"
            )
        self.folder, self.every = folder, every
        self.records: dict[int, list[Record]] = {}

    def record(self, ensemble: Ensemble) -> dict[int, Row]:
        """Take the modes of the members that are left."""
        parameters = ensemble.members.in_float64()
        collocation = ensemble.method.in_float64(parameters)
        modes = loss_modes(collocation, ensemble.network, parameters, ensemble.boundary_weight)
        columns = zip(
            ensemble.members.live, modes.eigenvalues.cpu(), modes.squares.cpu(), strict=True
        )
        rows: dict[int, Row] = {}
        for s, eigenvalues, squares in columns:
            rate = float(LossModes(eigenvalues, squares).rate)
            if not math.isfinite(rate):
                log.warning(
                    "no modes at step %d: J or the residual is not finite, or J does not decompose",
                    ensemble.gradient_step,
                )
                continue
            time = float(ensemble.flow_time[s])
            record = (ensemble.gradient_step, time, eigenvalues, squares)
            self.records.setdefault(s, []).append(record)
            first, last, share = smallest_window(window_shares(squares))
            rows[s] = {
                "theorem1/rate": rate,
                "theorem1/share": share,
                "theorem1/first_mode": first + 1,
                "theorem1/last_mode": last,
            }
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Return what has been recorded."""
        return {"records": self.records}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what had been recorded."""
        self.records = state_dict["records"]

    def write(self) -> None:
        """Write the bounds on what has been recorded."""
        entries = []
        for s, records in sorted(self.records.items()):
            steps, times, eigenvalues, squares = zip(*records, strict=True)
            modes = LossModes(torch.stack(eigenvalues), torch.stack(squares))
            found = bounds(steps, torch.tensor(times, dtype=torch.float64), modes)
            entries += [{"member": s, **asdict(entry)} for entry in found]
        self.folder.write_json("theorem1.json", entries)
