"""Configurations as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pinnspectra.command_line.mistakes import one_line
from pinnspectra.runs.messages import SettingsError


def composed(conf: Path, config_name: str, experiment: str) -> str:
    """Compose an experiment and return it with its sweep as text, equal where the runs are.

    Raises:
        SettingsError: the experiment cannot be composed.
    """
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf.absolute()), version_base="1.3"):
            config = hydra.compose(config_name, [f"experiment={experiment}"], True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingsError(one_line(error, conf, config_name)) from error
    sweep = config.hydra.sweeper.params
    kept = {key: config._get_node(key) for key in config if key not in ("hydra", "logger")}
    return OmegaConf.to_yaml(OmegaConf.create({**kept, "sweep": sweep}), sort_keys=True)


def resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the interpolations of a configuration that was read from a file.

    Raises:
        OmegaConfBaseException: one of them cannot be.
    """
    return plain(OmegaConf.create(dict(config)))


def plain(config: DictConfig) -> dict[str, Any]:
    """Turn a configuration into dictionaries and lists, with its interpolations resolved.

    Raises:
        OmegaConfBaseException: one of them cannot be.
    """
    found = OmegaConf.to_container(config, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
