"""What a training run leaves when it has ended: figures, result.json, a word to the user."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import say
from pinnspectra.show.figures.of_runs import draw_run
from pinnspectra.spectra.entropy import cutoff_below_precision
from pinnspectra.training.module import PINN

RESULT_KEYS = {
    "loss": "loss",
    "loss_interior": "loss/interior",
    "loss_boundary": "loss/boundary",
    "loss_interior_ad64": "loss/interior_ad64",
    "relative_training_error": "relative_training_error",
    "relative_l2_error": "relative_l2_error",
    "effective_cutoff": "spectrum/effective_cutoff",
    "truncated_entropy": "spectrum/truncated_entropy",
}
"""Keys of result.json and the metrics of the last step that they hold."""


def write_outcome(
    module: PINN,
    folder: RunFolder,
    seeds: Sequence[int],
    cutoff: float,
    spectrum_dtype: torch.dtype,
) -> int:
    """Draw the figures, write result.json, say how it ended; 1 where a member diverged."""
    if module.status == "running":
        last = f"gradient step {module.gradient_step} of {module.max_steps}"
        say(f"stopped at {last}: {folder.path} has no result")
        return 1
    members = [_member_result(module, s, seed) for s, seed in enumerate(seeds)]
    diverged = _advice(module, seeds) if len(module.live) < module.members else None
    result = {
        **({"status": module.status, "members": members} if len(members) > 1 else members[0]),
        **({"error": diverged} if diverged else {}),
        "cutoff": cutoff,
        "cutoff_below_precision": cutoff_below_precision(cutoff, spectrum_dtype, power=2),
    }
    if module.status != "diverged":
        x, u, exact = (tensor.numpy() for tensor in module.solution())
        folder.write_arrays("solution.npz", points=x, solution=u, exact=exact)
    draw_run(folder, result)
    folder.write_result(
        **result,
        steps_per_second=module.steps_taken / max(module.training_seconds, 1e-9),
        wall_seconds=module.wall_seconds,
    )
    if diverged:
        say(diverged)
        print(f"what was logged is in {folder.path}", file=sys.stderr)
        return 1
    return 0


def _member_result(module: PINN, member: int, seed: int) -> dict[str, Any]:
    """One member's part of result.json; what a diverged member has no value of is null."""
    ended = module.ended[member]
    row = module.last_rows[member] if ended is None else {}
    return {
        **({"member": member} if module.members > 1 else {}),
        "seed": seed,
        "learning_rate": module.learning_rates[member],
        "status": module.status if ended is None else "diverged",
        "step": module.gradient_step if ended is None else ended,
        **{key: row.get(name) for key, name in RESULT_KEYS.items()},
        **{name.replace("/", "_"): value for name, value in module.method_metrics.items()},
    }


def _advice(module: PINN, seeds: Sequence[int]) -> str:
    """Where a loss left the finite numbers, and what to change."""
    diverged = [(step, s) for s, step in enumerate(module.ended) if step is not None]
    step, first = min(diverged)
    said = f"the loss is not finite at gradient step {step}"
    if module.members > 1:
        said = (
            f"{len(diverged)} of {module.members} members diverged; with seed {seeds[first]} {said}"
        )
    if step == 0:
        return f"{said}: lower model.weight_range, or take precision=float64"
    return f"{said}: lower optimizer.lr (it is {module.learning_rates[first]:g})"
