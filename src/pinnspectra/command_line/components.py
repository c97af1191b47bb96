"""Building the objects that a configuration names by `_target_`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from pinnspectra.command_line.settings import RunSettings, TrainSettings, first_mistake
from pinnspectra.command_line.targets import allowed_target
from pinnspectra.runs.messages import SettingsError

if TYPE_CHECKING:
    from pinnspectra.collocation import Collocation

PACKAGES = ("pinnspectra", "torch.optim", "pytorch_lightning")
"""Where a `_target_` may lie."""

KINDS = {
    "pde": ("pinnspectra.problems.AbstractPDE",),
    "method": ("pinnspectra.differentiation.AbstractDifferentiation",),
    "model": ("pinnspectra.networks.AbstractNetwork",),
    "optimizer": ("pinnspectra.solvers.AbstractOptimizer", "torch.optim.Optimizer"),
    "schedule": ("torch.optim.lr_scheduler.LRScheduler",),
    "trainer": ("pytorch_lightning.Trainer",),
    "logger": ("pytorch_lightning.loggers.Logger",),
    "callbacks": ("pytorch_lightning.Callback",),
}
"""The base classes that a section may name, imported when it is built."""


def build(key: str, section: Mapping[str, Any], *first: Any, **offered: Any) -> Any:
    """Build the object that a section names.

    Args:
        key: the section's place in the configuration, for messages.
        section: `_target_` and arguments.
        first: positional arguments that the program supplies.
        offered: keyword arguments that the program supplies where the class takes them; a
            configuration cannot set them.

    Raises:
        SettingsError: the target is not allowed, or the class refuses an argument.
    """
    target, arguments = checked(key, section, *first, **offered)
    try:
        return target(*first, **arguments)
    except Exception as error:
        if isinstance(error, AttributeError | KeyError | NameError):
            raise  # a mistake in the program, not in the configuration
        reason = " ".join(str(error).split())
        names_key = re.match(r"\w+=", reason)
        raise SettingsError(f"{key}.{reason}" if names_key else f"{key}: {reason}") from error


def checked(
    key: str, section: Mapping[str, Any], *first: Any, **offered: Any
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Check a section against the signature of its class; return class and keyword arguments.

    Raises:
        SettingsError: the target is not allowed, or an argument is unknown or of a wrong type.
    """
    arguments = {name: value for name, value in section.items() if name != "_target_"}
    kinds = [_imported(path) for path in KINDS[key.split(".")[0]]]
    target = allowed_target(f"{key}._target_", section.get("_target_"), PACKAGES, kinds)
    taken = inspect.signature(target).parameters
    supplied = {name: value for name, value in offered.items() if name in taken}
    settable = [
        parameter
        for parameter in list(taken.values())[len(first) :]
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.name not in supplied
    ]
    names = [parameter.name for parameter in settable]
    for name, value in arguments.items():
        if name not in names:
            allowed = ", ".join(names) or "none"
            raise SettingsError(f"{key}.{name}={value}: unknown; settings are {allowed}")
    try:
        _model_of(target, settable).model_validate(dict(arguments))
    except ValidationError as error:
        raise SettingsError(first_mistake(error, key)) from None
    return target, {**arguments, **supplied}


def _imported(path: str) -> type:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _model_of(target: Callable[..., Any], settable: list[inspect.Parameter]) -> type[BaseModel]:
    """Make a schema of the arguments of a class; types that are not there at run time are any."""
    try:
        hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:
        hints = {}
    fields: dict[str, Any] = {
        p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in settable
    }
    ours = target.__module__.startswith("pinnspectra.")
    config = ConfigDict(strict=ours, allow_inf_nan=not ours, arbitrary_types_allowed=True)
    return create_model("Arguments", __config__=config, **fields)


def build_pde(settings: RunSettings) -> Any:
    """Build the problem and check its domain.

    Raises:
        SettingsError: a setting is refused.
    """
    pde = build("pde", settings.pde)
    try:
        _ = pde.domain
    except ValueError as error:
        raise SettingsError(f"pde: {error}") from error
    return pde


def build_collocation(settings: RunSettings) -> Collocation:
    """Build the problem, the method and their points, and try them in the working precision.

    Raises:
        SettingsError: a setting is refused, or the method does not suit the points.
    """
    import torch

    from pinnspectra.collocation import Collocation

    pde, method = build_pde(settings), build("method", settings.method)
    per_axis, given = settings.points.per_axis, settings.points.spacing
    interior, boundary = pde.domain.grid(per_axis), pde.domain.boundary(per_axis)
    spacings = [axis.spacing for axis in interior.axes or ()]
    if not any(abs(given - h) <= 1e-9 * h for h in spacings):
        raise SettingsError(
            f"points.spacing={given}: it is {spacings[0]:g}, which follows from the box and "
            f"points.per_axis; take points.spacing={spacings[0]}"
        )
    try:
        collocation = Collocation(pde, method, interior, boundary)
        collocation.to(getattr(torch, settings.precision))
    except ValueError as error:
        section = "points" if str(error).startswith("per_axis") else "method"
        raise SettingsError(f"{section}.{error}") from error
    return collocation


def build_optimizer(settings: TrainSettings) -> Any:
    """Build an optimizer of this project, or a function of parameters that builds torch's."""
    section = settings.optimizer.section
    if str(section["_target_"]).startswith("torch.optim."):
        return lambda parameters: build("optimizer", section, parameters)
    return build("optimizer", section)


def build_scheduler(settings: TrainSettings) -> Any:
    """Build a function that schedules a torch optimizer; None where the rates stay.

    Raises:
        SettingsError: the scheduler needs a metric, which only training has.
    """
    if not settings.schedule:
        return None
    target = str(settings.schedule.get("_target_"))
    if target.endswith("ReduceLROnPlateau"):
        raise SettingsError(f"schedule._target_={target}: only schedulers without a metric are run")
    return lambda optimizer: build("schedule", settings.schedule, optimizer)
