"""What Hydra composes is checked before Hydra acts on it.

Hydra itself builds what its own section names, hands its logging to logging.config, which calls
what that names, and imports the packages on its search path, all before a script's job is asked.
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

SECTIONS = ("callbacks", "launcher", "sweeper", "job_logging", "hydra_logging")
"""Sections of hydra that name classes."""

NAMES = ("_target_", "class", "()")
"""The keys by which they do."""

PACKAGES = ("pinnspectra", "hydra", "hydra_plugins", "logging", "colorlog")

KINDS = (Callback, Launcher, Sweeper, logging.Handler, logging.Formatter, logging.Filter)

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
        for section in SECTIONS:
            _check_named(f"hydra.{section}", config.hydra.get(section))
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
    """Refuse a package, which would be imported; folders are read."""
    if path.startswith("pkg:") and not path.startswith(
        ("pkg://hydra.conf", "pkg://hydra_plugins.")
    ):
        raise SettingsError(f"{key}={path}: a package would be run; take a folder")


def _check_named(key: str, section: Any) -> None:
    """Check every class and stream that a section names, at any depth."""
    if not OmegaConf.is_config(section):
        return
    names: Any = range(len(section)) if OmegaConf.is_list(section) else section
    for name in names:
        place = f"{key}.{name}"
        written = section._get_node(name)._value()
        if name in NAMES and OmegaConf.is_interpolation(section, name):
            raise SettingsError(f"{place}: the name of a class has to be written out")
        try:
            value = section[name]
        except OmegaConfBaseException:  # it can be resolved later alone, which a text may
            if str(written).startswith("${") and str(written).endswith("}"):
                raise SettingsError(f"{place}={written}: cannot be resolved") from None
            continue
        if name in NAMES:
            allowed_target(place, value, PACKAGES, KINDS)
        elif name in ("queue", "listener"):
            raise SettingsError(f"{place}={value}: cannot be set")
        elif isinstance(value, str) and value.startswith("ext:") and value not in STREAMS:
            raise SettingsError(f"{place}={value}: allowed are {', '.join(STREAMS)}")
        _check_named(place, value)


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
    """Read Hydra's flags as Hydra does.

    Raises:
        SettingsError: one is unknown or lacks its value, or reads a pickle, which can run anything.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise SettingsError(f"{message}; --help shows the flags")

    parser.error = refuse
    if pickle := parser.parse_args(list(arguments)).experimental_rerun:
        raise SettingsError(
            f"--experimental-rerun={pickle}: a pickle can run anything; give the overrides"
        )
