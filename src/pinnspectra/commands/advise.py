"""What to differentiate a problem with: AD, or differences of which order with which step.

    python -m pinnspectra.advise pde=biharmonic precision=float32

Takes every override of train.py; a step and an accuracy order that are given are compared with the
best ones. The errors are those of a network that was trained a little, by AD and Adam: the field
that most of a training run differentiates, which the initial one is not.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pinnspectra.command_line import imports_are_done, run
from pinnspectra.command_line.components import build, build_collocation
from pinnspectra.command_line.settings import TrainSettings
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import SettingsError
from pinnspectra.studies.advise.figure import step_error_figure

CONF = Path(__file__).parents[3] / "conf"

POINTS = 1024
"""Interior points that are used at most, taken evenly."""


def advise(settings: TrainSettings, folder: RunFolder) -> int:
    """Compare the methods on one network, print the table, draw the error over the step."""
    import torch  # takes seconds: --help and a refused key need not wait for it

    from pinnspectra.command_line.memory import need_of_advice, require
    from pinnspectra.differentiation import Automatic
    from pinnspectra.differentiation.noise import subsample
    from pinnspectra.show.figures.of_runs import draw
    from pinnspectra.show.tables.text import aligned
    from pinnspectra.studies.advise.advice import (
        TRAINED_STEPS,
        Subject,
        advice,
        candidates,
        step_curves,
    )
    from pinnspectra.training.compiled import is_worth_compiling

    imports_are_done()
    torch.set_num_threads(settings.threads)
    require(need_of_advice(settings))
    collocation = build_collocation(settings)
    interior = subsample(collocation.interior, POINTS)
    collocation = replace(collocation, method=Automatic(), interior=interior)
    network = build("model", settings.model)
    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    parameters = network.initial_parameters(dimension, [settings.seed], dtype)
    subject = Subject(collocation, network, parameters, settings.boundary_weight)
    long = is_worth_compiling(settings.max_steps, network.width * collocation.nodes)
    compiled = settings.compiled is True or (settings.compiled == "auto" and long and "auto")
    given = settings.method.get("step", "auto")
    given = settings.preset.step if given == "auto" else given
    order = settings.method.get("accuracy_order", 2)
    try:
        found = candidates(subject, given, order, compiled)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    trained = f"a network after {TRAINED_STEPS} gradient steps by AD in {settings.precision}"
    rows = [c.row for c in found]
    table = "\n".join(aligned(rows, list(rows[0])))
    print(f"{folder.pde}, {trained}\n\n{table}\n\nadvice: {advice(found)}")
    panels = {name: step_curves(subject, name) for name in ("float32", "float64")}
    title = f"Error of differences over the step: {folder.pde}, {trained}"
    picture = folder.path / "figures" / "step_error.png"
    draw(picture, lambda: step_error_figure(title, panels, given))
    print(f"see {picture}")
    return 0


if __name__ == "__main__":
    run(advise, "advise", TrainSettings, CONF, summarised=False)
