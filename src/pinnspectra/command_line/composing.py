"""What Hydra composes is checked before Hydra acts on it.

Hydra itself builds what hydra.callbacks, hydra.launcher and hydra.sweeper name, hands its logging
sections to logging.config, which calls what they name, and imports the packages on its search path.
All that is before a script's job sees the configuration.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import hydra._internal.hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import get_args_parser
from hydra.core.config_search_path import ConfigSearchPath
from hydra.experimental.callback import Callback
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pinnspectra.command_line.targets import allowed_target
from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.signals import waiting

PLUGINS = {"callbacks": (Callback, 1), "launcher": (Launcher, 0), "sweeper": (Sweeper, 0)}
"""Sections of hydra that name classes by `_target_`, of which kind, and how deep in them."""

PLUGIN_PACKAGES = ("pinnspectra", "hydra", "hydra_plugins")

LOGGING = ("job_logging", "hydra_logging")
"""Sections of hydra that logging.config reads."""

LOGGING_PACKAGES = ("logging", "colorlog")

LOGGING_KINDS = (logging.Handler, logging.Formatter, logging.Filter)

STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
"""The objects that a logging section may name."""


class CheckedLoader(ConfigLoaderImpl):
    """Hydra's loader of configurations, which refuses one that names what may not run.

    Every configuration comes through it, those of a sweep's jobs in other processes too.
    """

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        for element in config_search_path.get_path():
            _check_source("--config-path", element.path or "")
        super().__init__(config_search_path)

    def load_configuration(self, *args: Any, **kwargs: Any) -> DictConfig:
        """Compose, and check the sections on which Hydra acts.

        Raises:
            SettingsError: one of them names what is not allowed.
        """
        with waiting():  # Hydra would take an interruption for a mistake in the configuration
            config = super().load_configuration(*args, **kwargs)
        if config.hydra.output_subdir is not None:
            raise SettingsError(
                f"hydra.output_subdir={config.hydra.output_subdir}: a run writes .hydra/ itself; "
                f"leave it out"
            )
        for section, (kind, depth) in PLUGINS.items():
            _check_plugins(f"hydra.{section}", config.hydra.get(section), kind, depth)
        for section in LOGGING:
            _check_logging(f"hydra.{section}", config.hydra.get(section))
        return config

    def _process_config_searchpath(
        self, config_name: str | None, parsed_overrides: Any, repo: Any
    ) -> None:
        loaded = repo.load_config(config_path=config_name) if config_name else None
        primary = OmegaConf.select(loaded.config, "hydra.searchpath") if loaded else None
        given = [o.value() for o in parsed_overrides if o.get_key_element() == "hydra.searchpath"]
        for paths in (primary, *given):
            for path in paths if isinstance(paths, list | ListConfig) else ():
                _check_source("hydra.searchpath", str(path))
        super()._process_config_searchpath(config_name, parsed_overrides, repo)


def _check_source(key: str, path: str) -> None:
    """Folders are read; a package would be imported, which runs it."""
    own = ("pkg://hydra.conf", "pkg://hydra_plugins.")
    if path.startswith("pkg:") and not path.startswith(own):
        raise SettingsError(f"{key}={path}: a package would be run; take a folder")


def _values(key: str, section: DictConfig | ListConfig) -> Iterator[tuple[str, Any, Any]]:
    """The dotted key, the name and the value of everything at one level of a section, resolved."""
    names: Any = range(len(section)) if isinstance(section, ListConfig) else section.keys()
    for name in names:
        place = f"{key}.{name}"
        raw = section._get_node(name)
        written = raw._value() if raw is not None else None  # pyright: ignore
        try:
            yield place, name, section[name]
        except OmegaConfBaseException:
            if isinstance(written, str) and written.startswith("${") and written.endswith("}"):
                raise SettingsError(f"{place}={written}: cannot be resolved") from None


def _check_plugins(key: str, section: Any, kind: type, depth: int) -> None:
    """`_target_` at the depth alone where Hydra takes it from, and of the right kind there."""
    if not isinstance(section, DictConfig | ListConfig):
        return
    for place, name, value in _values(key, section):
        if name == "_target_":
            _check_written_out(place, section, name)
            if depth != 0:
                raise SettingsError(f"{place}={value}: no class can be named here")
            allowed_target(place, value, PLUGIN_PACKAGES, [kind])
        _check_plugins(place, value, kind, depth - 1)


def _check_logging(key: str, section: Any) -> None:
    """Handlers, formatters and filters of the standard library, and streams."""
    if not isinstance(section, DictConfig | ListConfig):
        return
    for place, name, value in _values(key, section):
        if name in ("class", "()"):
            _check_written_out(place, section, name)
            allowed_target(place, value, LOGGING_PACKAGES, LOGGING_KINDS)
        elif name in ("queue", "listener"):
            raise SettingsError(f"{place}={value}: cannot be set")
        elif isinstance(value, str) and value.startswith("ext:") and value not in STREAMS:
            raise SettingsError(f"{place}={value}: allowed are {', '.join(STREAMS)}")
        _check_logging(place, value)


def _check_written_out(key: str, section: Any, name: Any) -> None:
    if OmegaConf.is_interpolation(section, name):
        raise SettingsError(f"{key}: the name of a class has to be written out")


@contextmanager
def checked_composition() -> Iterator[None]:
    """Within it, Hydra loads configurations by CheckedLoader."""
    used: Any = hydra._internal.hydra
    used.ConfigLoaderImpl = CheckedLoader
    try:
        yield
    finally:
        used.ConfigLoaderImpl = ConfigLoaderImpl


def check_flags(arguments: Sequence[str]) -> None:
    """Hydra's flags, read as Hydra reads them.

    Raises:
        SettingsError: one is unknown or lacks its value, or reads a pickle, which can run anything.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise SettingsError(f"{message}; --help shows the flags")

    parser.error = refuse
    parsed = parser.parse_args(list(arguments))
    if parsed.experimental_rerun is not None:
        raise SettingsError(
            f"--experimental-rerun={parsed.experimental_rerun}: a pickle can run anything; give "
            f"the overrides"
        )
