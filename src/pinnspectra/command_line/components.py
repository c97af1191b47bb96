"""Building the objects that a configuration names by `_target_`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model

from pinnspectra.command_line.settings import (
    RunSettings,
    SettingsError,
    TrainSettings,
    first_mistake,
)
from pinnspectra.command_line.targets import allowed_target

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
"""Sections and the classes of which what they name has to be one; looked up when it is built."""


def build(key: str, section: Mapping[str, Any], *first: Any, **offered: Any) -> Any:
    """The object that a section names.

    The arguments are checked against the signature of the class: unknown names and wrong types
    are refused before it is called.

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
        said = " ".join(str(error).split())
        names_key = re.match(r"\w+=", said)
        raise SettingsError(f"{key}.{said}" if names_key else f"{key}: {said}") from error


def checked(
    key: str, section: Mapping[str, Any], *first: Any, **offered: Any
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The class that a section names and its keyword arguments, with those that it is offered.

    Raises:
        SettingsError: the target is not allowed, or an argument is unknown or of a wrong type.
    """
    arguments = {name: value for name, value in section.items() if name != "_target_"}
    kinds = [_looked_up(path) for path in KINDS[key.split(".")[0]]]
    target = allowed_target(f"{key}._target_", section.get("_target_"), PACKAGES, kinds)
    taken = inspect.signature(target).parameters
    supplied = {name: value for name, value in offered.items() if name in taken}
    _check_arguments(key, target, arguments, {*supplied, *list(taken)[: len(first)]})
    return target, {**arguments, **supplied}


def _looked_up(path: str) -> type:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _check_arguments(
    key: str, target: Callable[..., Any], arguments: Mapping[str, Any], supplied: set[str]
) -> None:
    signature = inspect.signature(target)
    settable = {
        p.name: p
        for p in signature.parameters.values()
        if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in supplied
    }
    for name, value in arguments.items():
        if name not in settable:
            allowed = ", ".join(settable) or "none"
            raise SettingsError(f"{key}.{name}={value}: unknown; settings are {allowed}")
    ours = target.__module__.startswith("pinnspectra.")
    hints = _hints(target)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), ... if p.default is p.empty else p.default)
        for name, p in settable.items()
    }
    config = ConfigDict(extra="forbid", strict=ours, arbitrary_types_allowed=True)
    model = create_model("Arguments", __config__=config, **fields)
    try:
        model.model_validate(dict(arguments))
    except ValidationError as error:
        raise SettingsError(first_mistake(error, key)) from None


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    """The types of a class's arguments; none where they cannot be looked up at run time."""
    try:
        return get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:  # of names that are imported for type checkers only
        return {}


def build_collocation(settings: RunSettings) -> Collocation:
    """The problem, the method and their points, tried out in the working precision.

    Raises:
        SettingsError: a setting is refused, or the method does not suit the points.
    """
    import torch

    from pinnspectra.collocation import Collocation

    pde = build("pde", settings.pde)
    method = build("method", settings.method)
    per_axis = settings.points.per_axis
    try:
        interior, boundary = pde.domain.grid(per_axis), pde.domain.boundary(per_axis)
    except ValueError as error:
        raise SettingsError(f"pde: {error}") from error
    spacings = [axis.spacing for axis in interior.axes or ()]
    if not any(abs(settings.points.spacing - h) <= 1e-9 * h for h in spacings):
        raise SettingsError(
            f"points.spacing={settings.points.spacing}: it is {spacings[0]:g}, which follows "
            f"from the box and points.per_axis; take points.spacing={spacings[0]}"
        )
    try:
        collocation = Collocation(pde, method, interior, boundary)
        collocation.to(getattr(torch, settings.precision))
    except ValueError as error:
        section = "points" if str(error).startswith("per_axis") else "method"
        raise SettingsError(f"{section}.{error}") from error
    return collocation


def build_optimizer(settings: TrainSettings) -> Any:
    """An optimizer of this project, or a function that makes torch's of given parameters."""
    section = settings.optimizer.section
    if str(section["_target_"]).startswith("torch.optim."):
        return lambda parameters: build("optimizer", section, parameters)
    return build("optimizer", section)


def build_scheduler(settings: TrainSettings) -> Any:
    """A function that makes a scheduler for a torch optimizer; None where the rates stay.

    Raises:
        SettingsError: the scheduler needs a metric, which only training has.
    """
    if not settings.schedule:
        return None
    target = str(settings.schedule.get("_target_"))
    if target.endswith("ReduceLROnPlateau"):
        raise SettingsError(f"schedule._target_={target}: only schedulers without a metric are run")
    return lambda optimizer: build("schedule", settings.schedule, optimizer)
