"""Invented runs of one or more members, as training leaves them on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pinnspectra.runs.folder import RunFolder

STEPS = np.arange(0, 1001, 100)
METRICS = (
    "loss",
    "loss/boundary",
    "loss/interior",
    "loss/interior_ad64",
    "relative_l2_error",
    "relative_training_error",
    "spectrum/effective_cutoff",
    "spectrum/loss",
    "spectrum/truncated_entropy",
)
EVERY = 2
"""Rows from one with a spectrum to the next."""


def metrics(size: int, ended: Mapping[int, int] | None = None) -> dict[str, np.ndarray]:
    """Metrics, (K, S) each, at STEPS; NaN from the row on where a member has ended, and of spectra.

    Args:
        size: S.
        ended: the first row that a member does not have.
    """
    random = np.random.default_rng(size)
    falling = np.exp(-STEPS[:, None] / 300) * random.uniform(0.5, 2, size)
    table = {name: (i + 1) * falling for i, name in enumerate(METRICS)}
    table["spectrum/loss"] = table["loss"].copy()
    table["spectrum/effective_cutoff"] = np.round(10 + 5 * falling)
    for name, values in table.items():
        for member, row in (ended or {}).items():
            values[row:, member] = np.nan
        if name.startswith("spectrum/"):
            values[np.arange(len(STEPS)) % EVERY != 0] = np.nan
    return table


def metrics_csv(table: Mapping[str, np.ndarray]) -> str:
    """The text of a metrics.csv: a row for every step and member that has a loss."""
    lines = [",".join([*sorted(table), "member", "step"])]
    for k, member in np.argwhere(np.isfinite(table["loss"])):
        values = [table[name][k, member] for name in sorted(table)]
        cells = ["" if np.isnan(value) else repr(float(value)) for value in values]
        lines.append(",".join([*cells, str(member), str(STEPS[k])]))
    return "\n".join(lines) + "\n"


def spectra(table: Mapping[str, np.ndarray], n: int = 12) -> dict[str, np.ndarray]:
    """The arrays of a spectra.npz that go with metrics."""
    taken = slice(None, None, EVERY)
    entropy = table["spectrum/truncated_entropy"][taken]
    sigma = entropy[:, :, None] * 10.0 ** -np.arange(n)
    return {
        "steps": STEPS[taken],
        "singular_values": sigma,
        "eigenvalues": sigma**2,
        "floor": 1e-9 * sigma[-1],
        "effective_cutoff": table["spectrum/effective_cutoff"][taken],
        "truncated_entropy": entropy,
    }


def write_run(
    path: Path,
    size: int = 1,
    ended: Mapping[int, int] | None = None,
    rates: Sequence[float] = (1e-3,),
    method: str = "fd",
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Write the folder of a run whose members share out the learning rates; its metrics."""
    table, ended = metrics(size, ended), ended or {}
    hydra = path / ".hydra"
    hydra.mkdir(parents=True)
    (hydra / "overrides.yaml").write_text("".join(f"- {o}\n" for o in overrides))
    choices = f"{{runtime: {{choices: {{pde: poisson1d, method: {method}}}}}}}"
    (hydra / "hydra.yaml").write_text(f"hydra: {choices}\n")
    (path / "metrics.csv").write_text(metrics_csv(table))
    folder = RunFolder(path, "poisson1d", method, "0123456789abcdef")
    folder.write_arrays("spectra.npz", **spectra(table))
    members = [
        {"member": i, "seed": seed + i, "learning_rate": rates[i * len(rates) // size]}
        | _outcome(table, i, ended.get(i))
        for i in range(size)
    ]
    run = {"cutoff": 1e-5, "steps_per_second": 100.0, "wall_seconds": 10.0}
    own = {k: v for k, v in members[0].items() if k != "member"}
    status = "diverged" if len(ended) == size else "finished"
    folder.write_result(**(own if size == 1 else {"status": status, "members": members}), **run)
    return table


def write_solve(path: Path, size: int = 9, **other: np.ndarray) -> np.ndarray:
    """Write what a solve with random features records, but for some arrays; its errors, (size,)."""
    arrays = {
        "singular_values": np.geomspace(1, 1e-6, size),
        "floor": np.full(size, 1e-12),
        "truncation_position": np.arange(1, size + 1),
        "relative_training_error": np.geomspace(1, 1e-3, size),
    }
    path.mkdir(exist_ok=True)
    RunFolder(path, "poisson1d", "fd", "").write_arrays("spectrum.npz", **(arrays | other))
    return arrays["relative_training_error"]


def _outcome(table: Mapping[str, np.ndarray], member: int, ended: int | None) -> dict[str, object]:
    """What a result says of how a member ended."""
    names = {name: name.removeprefix("spectrum/").replace("/", "_") for name in METRICS}
    del names["spectrum/loss"]
    if ended is not None:
        at = STEPS[max(ended - 1, 0)] + 17
        return {"status": "diverged", "step": int(at)} | dict.fromkeys(names.values())
    last = {key: float(table[name][-1, member]) for name, key in names.items()}
    return {"status": "finished", "step": int(STEPS[-1])} | last
