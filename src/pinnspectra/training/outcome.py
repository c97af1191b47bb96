"""What a training run leaves when it has ended: figures, result.json, a word to the user."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import say
from pinnspectra.runs.quantities import QUANTITIES
from pinnspectra.show.figures.of_runs import draw_run
from pinnspectra.spectra.entropy import cutoff_below_precision
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.lightning import EnsembleModule
from pinnspectra.training.objective import interior_parts


def write_outcome(
    module: EnsembleModule,
    folder: RunFolder,
    seeds: Sequence[int],
    cutoff: float,
    spectrum_dtype: torch.dtype,
) -> int:
    """Draw the figures, write result.json, tell how the run ended; 1 where a member diverged."""
    ensemble, status = module.ensemble, module.status
    if status == "running":
        last = f"gradient step {ensemble.gradient_step} of {module.chunks.max_steps}"
        say(f"stopped at {last}: {folder.path} has no result")
        return 1
    members = [_member_result(module, s, seed) for s, seed in enumerate(seeds)]
    diverged = _advice(ensemble, seeds) if ensemble.members.diverged else None
    result = {
        **({"status": status, "members": members} if len(members) > 1 else members[0]),
        **({"error": diverged} if diverged else {}),
        "cutoff": cutoff,
        "cutoff_below_precision": cutoff_below_precision(cutoff, spectrum_dtype, power=2),
    }
    if status == "finished":
        x, u, exact = (tensor.cpu().numpy() for tensor in solution(ensemble))
        folder.write_arrays("solution.npz", points=x, solution=u, exact=exact)
    draw_run(folder, result)
    folder.write_result(
        **result,
        steps_per_second=ensemble.steps_taken / max(ensemble.seconds, 1e-9),
        wall_seconds=module.wall_seconds,
    )
    if diverged:
        say(diverged)
        print(f"what was logged is in {folder.path}", file=sys.stderr)
        return 1
    return 0


def solution(ensemble: Ensemble) -> tuple[Tensor, Tensor, Tensor]:
    """Return the interior points (N, d), u (S, N) and the exact solution there, (N,), float64.

    NaN for members that diverged.
    """
    members, network = ensemble.members, ensemble.network
    u = network.field({name: value.double() for name, value in members.parameters.items()})
    collocation = ensemble.collocation.to(torch.float64, members.device)
    parts = interior_parts(collocation, network)
    values = torch.cat([u(part.interior.coordinates) for part in parts], dim=-1)
    values[members.diverged] = torch.nan
    x = collocation.interior.coordinates
    return x, values, collocation.pde.exact_solution(x)


def _member_result(module: EnsembleModule, member: int, seed: int) -> dict[str, Any]:
    """Return the part of result.json of a member; a diverged one has no metrics."""
    ensemble = module.ensemble
    ended = ensemble.members.ended[member]
    row = module.rows.get(member, {})
    return {
        **({"member": member} if ensemble.members.size > 1 else {}),
        "seed": seed,
        "learning_rate": float(ensemble.rates.initial[member]),
        "status": module.status if ended is None else "diverged",
        "step": ensemble.gradient_step if ended is None else ended,
        **{q.key: row.get(q.metric) for q in QUANTITIES.values() if q.metric},
        **{name.replace("/", "_"): value for name, value in ensemble.method.metrics.items()},
    }


def _advice(ensemble: Ensemble, seeds: Sequence[int]) -> str:
    """Return where a loss left the finite numbers, and what to change."""
    ended = [(step, s) for s, step in enumerate(ensemble.members.ended) if step is not None]
    step, first = min(ended)
    where = f"the loss is not finite at gradient step {step}"
    if len(seeds) > 1:
        where = f"{len(ended)} of {len(seeds)} members diverged; with seed {seeds[first]} {where}"
    if step == 0:
        return f"{where}: lower model.weight_range, or take precision=float64"
    rate = float(ensemble.rates.initial[first])
    return f"{where}: lower optimizer.lr (it is {rate:g})"
