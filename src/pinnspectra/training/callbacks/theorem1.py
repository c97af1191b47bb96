"""Theorem 1 held against a training run."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import torch

from pinnspectra.runs.folder import RunFolder
from pinnspectra.solvers import SGD
from pinnspectra.spectra.modes import LossModes, loss_modes
from pinnspectra.spectra.theorem1 import bounds, smallest_window, window_shares
from pinnspectra.training.callbacks.recorder import AbstractRecorder
from pinnspectra.training.module import PINN

log = logging.getLogger(__name__)


class Theorem1(AbstractRecorder):
    """The modes of the whole loss during training, and Theorem 1's bounds on what it becomes.

    Logs theorem1/rate (rho^T G rho / rho^T rho) and the smallest window of modes that holds more
    than 99 % of the residual: theorem1/first_mode, theorem1/last_mode (from 1), theorem1/share. At
    the end writes theorem1.json, a list with the bounds for every member and record t*
    (theorem1.Bounds). Taken of the run's method in float64, at step 0, every `every` gradient steps
    and at the end: O(N P min(N, P)) each.

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
        self.records: dict[int, list[tuple[int, float, LossModes]]] = {}

    def record(self, module: PINN) -> None:
        """Take the modes of the members that are left."""
        live = list(module.rows)
        if not live:
            return
        parameters = module.parameters_in(torch.float64, live)
        modes = loss_modes(
            module.working_in_float64, module.network, parameters, module.boundary_weight
        )
        columns = zip(live, modes.eigenvalues.cpu(), modes.squares.cpu(), strict=True)
        for s, eigenvalues, squares in columns:
            own = LossModes(eigenvalues, squares)
            rate = float(own.rate)
            if not own.rate.isfinite():
                log.warning(
                    "no modes at step %d: J or the residual is not finite, or J does not decompose",
                    module.gradient_step,
                )
                continue
            record = (module.gradient_step, float(module.flow_time[s]), own)
            self.records.setdefault(s, []).append(record)
            first, last, share = smallest_window(window_shares(squares))
            row = module.last_rows[s]
            row |= {"theorem1/rate": rate, "theorem1/share": share}
            row |= {"theorem1/first_mode": first + 1, "theorem1/last_mode": last}

    def state_dict(self) -> dict[str, Any]:
        """What has been recorded: by member, (step, time, eigenvalues, squares)."""
        return {
            "records": {
                s: [(step, time, m.eigenvalues, m.squares) for step, time, m in records]
                for s, records in self.records.items()
            }
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what had been recorded."""
        self.records = {
            s: [
                (step, time, LossModes(eigenvalues, squares))
                for step, time, eigenvalues, squares in r
            ]
            for s, r in state_dict["records"].items()
        }

    def write(self) -> None:
        """Write the bounds on what has been recorded."""
        entries = []
        for s, records in sorted(self.records.items()):
            steps, times, modes = zip(*records, strict=True)
            stacked = LossModes(
                torch.stack([m.eigenvalues for m in modes]),
                torch.stack([m.squares for m in modes]),
            )
            found = bounds(steps, torch.tensor(times, dtype=torch.float64), stacked)
            entries += [{"member": s, **asdict(entry)} for entry in found]
        self.folder.write_json("theorem1.json", entries)
