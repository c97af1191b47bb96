"""The entropies of FD as the rounding law predicts them, without a difference being taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pinnspectra.command_line import resolved
from pinnspectra.command_line.components import build, build_collocation
from pinnspectra.command_line.settings import RandomFeatureSettings, check
from pinnspectra.differentiation import ExactDifference, FiniteDifference
from pinnspectra.rounding.floor import system_matrix_errors
from pinnspectra.rounding.law import entry_deviation, predicted_floor, predicted_spectrum
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.record import Run
from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import truncated_entropy
from pinnspectra.studies.markdown import number, spread, table
from pinnspectra.studies.paper.members import choices
from pinnspectra.studies.paper.printed import PRINTED


def prediction_table(folder: Path) -> str:
    """Return a table of the printed entropies of A: measured, exact, and predicted twice."""
    rows = []
    for printed in (p for p in PRINTED if p.matrix == "A"):
        every = find_runs(folder / printed.experiment)
        of_width = [
            run for run in every if choices(run).get("model.width") in (None, str(printed.width))
        ]
        if runs := [run for run in of_width if run.method == "fd" and run.config]:
            measured = [run.result["truncated_entropy"] for run in runs]
            foretold = np.array([entropies(run) for run in runs]).T
            name = f"{printed.pde}, a = {printed.cutoff:g}"
            values = [spread(measured), *map(spread, foretold)]
            rows.append([printed.figure, name, number(printed.entropy["fd"]), *values])
    predicted = ["exact arithmetic", "by the law", "emulated"]
    return table(["Fig.", "H of A by FD", "paper", "ours", *predicted], rows)


@torch.no_grad()
def entropies(run: Run) -> tuple[float, float, float]:
    """Return H of a run's matrix in exact arithmetic, as the law predicts it, and as emulated."""
    settings = check(resolved(run.config), RandomFeatureSettings)
    collocation, network = build_collocation(settings), build("model", settings.model)
    method = collocation.method
    assert isinstance(method, FiniteDifference)
    step = method.step_for(0, collocation.interior)
    exactly = replace(collocation, method=ExactDifference(step, method.accuracy_order))
    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    theta = network.initial_parameters(dimension, [settings.seed], dtype)
    doubled = {name: value.double() for name, value in theta.items()}
    A = exactly.system_matrix(network.features(doubled))
    s = entry_deviation(collocation, network, theta)
    exact = singular_values(A)
    by_law = predicted_spectrum(exact, predicted_floor(exact, s, *A.shape[-2:]))
    emulated = singular_values(A + system_matrix_errors(collocation, network, theta))
    cutoff = settings.spectrum.cutoff
    assert cutoff != "auto"
    spectra = torch.cat([exact, by_law, emulated])
    H_exact, H_by_law, H_emulated = truncated_entropy(spectra, cutoff).tolist()
    return H_exact, H_by_law, H_emulated
