"""What a configuration may name by `_target_`: a class of an allowed package, of the kind asked."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, get_type_hints

from pinnspectra.runs.messages import SettingsError


def allowed_target(
    key: str, path: Any, packages: Sequence[str], kinds: Sequence[type]
) -> Callable[..., Any]:
    """The class, or the function that makes one, that a path names: looked up, not called.

    It has to lie in an allowed package by the name that is given and by where it is defined, so
    that no other module is reached by what an allowed one imports, and to be of a kind that its
    place in the configuration takes.

    Args:
        key: the place in the configuration, for messages.
        path: the dotted name that is given.
        packages: the names of the allowed packages.
        kinds: classes, of one of which the target or what it is annotated to return is.

    Raises:
        SettingsError: it is not allowed.
    """
    names = ", ".join(f"{package}.*" for package in packages)
    refusal = SettingsError(f"{key}={path}: not a class of {names}")
    if not isinstance(path, str) or not _lies_in(path, packages):
        raise refusal
    module, _, name = path.rpartition(".")
    try:
        target = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise refusal from None
    if not _lies_in(_home(target), packages):
        raise refusal
    try:
        made = target if inspect.isclass(target) else get_type_hints(target).get("return")
    except NameError:  # a function with types that are not there at run time makes none of ours
        raise refusal from None
    if not (inspect.isclass(made) and issubclass(made, tuple(kinds))):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise SettingsError(f"{key}={path}: not a kind of {wanted}")
    return target


def _lies_in(name: str, packages: Sequence[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in packages)


def _home(target: Any) -> str:
    """The dotted name of a class or function where it is defined; empty where that is not sure.

    A `__module__` can be set to anything: a class has to be found where it says that it is, and a
    function sees the names of the module that it was written in.
    """
    if inspect.isfunction(target):
        return f"{target.__globals__['__name__']}.{target.__name__}"
    if not inspect.isclass(target):
        return ""
    found: Any = sys.modules.get(target.__module__)
    for name in target.__qualname__.split("."):
        found = getattr(found, name, None)
    return f"{target.__module__}.{target.__qualname__}" if found is target else ""
