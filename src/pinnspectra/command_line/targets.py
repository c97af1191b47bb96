"""What a configuration may name by `_target_`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, get_type_hints

from pinnspectra.runs.messages import SettingsError, first_line


def allowed_target(
    key: str, path: Any, packages: Sequence[str], kinds: Sequence[type]
) -> Callable[..., Any]:
    """Look up the class, or the function that makes one, that a dotted path names.

    It has to be named in an allowed package, and to be of one of the kinds, or annotated to return
    one. No other module is imported, and nothing is called.

    Args:
        key: the place in the configuration, for messages.
        path: the dotted path that is given.
        packages: the names of the allowed packages.
        kinds: the allowed base classes.

    Raises:
        SettingsError: it is not allowed, or not there.
    """
    refusal = f"{key}={path}: not a class of {', '.join(f'{package}.*' for package in packages)}"
    if not isinstance(path, str) or not path.startswith(tuple(f"{p}." for p in packages)):
        raise SettingsError(refusal)
    module, _, name = path.rpartition(".")
    try:
        target = getattr(import_module(module), name)
        made = target if inspect.isclass(target) else get_type_hints(target).get("return")
    except (ImportError, AttributeError, NameError, TypeError, ValueError) as error:
        raise SettingsError(f"{refusal}: {first_line(error)}") from None
    if not (inspect.isclass(made) and issubclass(made, tuple(kinds))):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise SettingsError(f"{key}={path}: not a kind of {wanted}")
    return target
