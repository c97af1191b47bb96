"""Invented sweeps for the report: whole runs with configurations, solutions and machines."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from ensembles import write_run

CONFIG = {
    "pde": {"_target_": "pinnspectra.problems.Poisson", "lower": [0.0], "upper": [1.0]},
    "model": {"_target_": "pinnspectra.networks.TwoLayer", "width": 100},
    "optimizer": {"_target_": "pinnspectra.solvers.SGD", "lr": "${preset.learning_rate}"},
    "max_steps": 1000,
    "seed": 0,
}


def write_sweep(
    folder: Path,
    methods: Sequence[str] = ("ad", "fd"),
    seeds: Sequence[int] = (0, 1),
    **more: object,
) -> list[Path]:
    """A sweep over methods and seeds; the runs' folders."""
    folder.mkdir(parents=True, exist_ok=True)
    task = [f"method={','.join(methods)}", f"seed={','.join(map(str, seeds))}"]
    hydra = {"hydra": {"job": {"name": "train"}, "overrides": {"task": task}}}
    (folder / "multirun.yaml").write_text(yaml.safe_dump(hydra))
    return [
        write_job(folder / f"method={m},seed={s}", m, s, **more) for m in methods for s in seeds
    ]


def write_job(path: Path, method: str = "ad", seed: int = 0, **more) -> Path:
    """One run of a sweep, with all files that a training run leaves."""
    overrides = more.pop("overrides", [f"method={method}", f"seed={seed}"])
    write_run(path, method=method, seed=seed, overrides=[json.dumps(o) for o in overrides], **more)
    described = {"hydra": {"job": {"name": "train"}, "runtime": {"choices": {"method": method}}}}
    (path / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(described))
    config = CONFIG | {"seed": seed, "method": {"_target_": f"differentiation.{method}"}}
    (path / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    return path


def with_solution(path: Path, per_axis: int, dimension: int) -> None:
    """Add a solution.npz on a grid."""
    axis = np.linspace(0, 1, per_axis)
    points = np.stack(np.meshgrid(*[axis] * dimension), axis=-1).reshape(-1, dimension)
    exact = np.sin(np.pi * points).prod(axis=1)
    random = np.random.default_rng(len(str(path)))
    u = exact + random.uniform(0.01, 0.2) * np.sin(3 * points.sum(axis=1) + random.uniform(0, 6))
    np.savez(path / "solution.npz", points=points, solution=u[None], exact=exact)


def change_result(path: Path, **values: object) -> None:
    """Change a result.json."""
    file = path / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def change_arrays(file: Path, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    """Change arrays of an .npz file; all that it then holds."""
    changed = dict(np.load(file)) | arrays
    np.savez(file, **changed)
    return changed
