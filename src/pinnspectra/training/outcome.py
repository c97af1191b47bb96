"""What a training run leaves when it has ended: figures, result.json, a word to the user."""

from __future__ import annotations

import sys

from pinnspectra import figures
from pinnspectra.run_folder import RunFolder, by_member, read_metrics, read_spectra
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
    module: PINN, folder: RunFolder, seed: int, cutoff: float, wall_seconds: float
) -> int:
    """Draw the figures, write result.json, say how it ended; 1 where the loss diverged."""
    if module.status == "running":
        last = f"gradient step {module.gradient_step} of {module.max_steps}"
        print(f"error: stopped at {last}: {folder.path} has no result", file=sys.stderr)
        return 1
    draw_figures(module, folder, cutoff)
    folder.write_result(
        status=module.status,
        seed=seed,
        step=module.gradient_step,
        **{key: module.metrics.get(name) for key, name in RESULT_KEYS.items()},
        cutoff=cutoff,
        steps_per_second=module.steps_taken / max(module.training_seconds, 1e-9),
        wall_seconds=wall_seconds,
    )
    if module.status == "diverged":
        print(f"error: {_advice(module)}; what was logged is in {folder.path}", file=sys.stderr)
        return 1
    return 0


def _advice(module: PINN) -> str:
    """Where the loss left the finite numbers, and what to change."""
    said = f"the loss is not finite at gradient step {module.gradient_step}"
    if module.gradient_step == 0:
        return f"{said}: lower model.weight_range, or take precision=float64"
    rate = module.trainer.optimizers[0].param_groups[0]["lr"]
    return f"{said}: lower optimizer.lr (it is {rate:g})"


def draw_figures(module: PINN, folder: RunFolder, cutoff: float) -> None:
    """All figures that the logged rows, the spectra and the solutions allow."""
    rates, method = module.learning_rates, folder.method
    metrics = by_member(read_metrics(folder.path / "metrics.csv"), len(rates))
    spectra = read_spectra(folder.path / "spectra.npz")
    if not metrics:
        return
    steps, loss = metrics["step"], metrics["loss"]
    folder.draw(
        "loss",
        lambda: figures.loss_figure(
            steps,
            loss,
            metrics["loss/interior"],
            metrics["loss/boundary"],
            metrics["loss/interior_ad64"],
            method,
            rates,
        ),
    )
    if module.status != "diverged":
        x, u, exact = (tensor.numpy() for tensor in module.solution())
        folder.draw("solution", lambda: figures.solution_figure(x, u, exact, method, rates))
    if not spectra:
        return
    eigenvalues, at, entropy = (
        spectra[name] for name in ("eigenvalues", "steps", "truncated_entropy")
    )
    folder.draw(
        "eigenvalues",
        lambda: figures.eigenvalue_figure(
            eigenvalues[0], eigenvalues[-1], int(at[0]), int(at[-1]), cutoff, method, rates
        ),
    )
    folder.draw(
        "entropy",
        lambda: figures.entropy_figure(
            at, entropy, spectra["effective_cutoff"], steps, loss, method, rates
        ),
    )
    folder.draw(
        "entropy_loss",
        lambda: figures.entropy_loss_figure(
            metrics["spectrum/truncated_entropy"], metrics["spectrum/loss"], steps, method, rates
        ),
    )
