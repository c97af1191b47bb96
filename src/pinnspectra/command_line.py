"""How the scripts start: compose the configuration, check it, run the job, say what went wrong.

The edge between Hydra and the program. Hydra composes and sweeps; a mistake is told in one line.
"""

from __future__ import annotations

import difflib
import gc
import inspect
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pinnspectra.run_folder import RunFolder, config_hash
from pinnspectra.settings import Settings, SettingsError, check

log = logging.getLogger(__name__)

LISTS = ("callbacks", "logger")
"""The groups of which any number may be chosen."""

Job = Callable[[Settings, RunFolder], int]
"""What a script does with checked settings in a run folder; returns the exit code."""


class SweepFolder(Callback):
    """Hydra callback that remembers where a multirun writes; Hydra tells nobody else."""

    path: Path | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note the folder before any job starts."""
        SweepFolder.path = Path(config.hydra.sweep.dir).absolute()


def _ratio(numerator: Any, denominator: Any) -> float:
    """numerator / denominator for the configs; NaN where the schema will refuse the operands."""
    try:
        return numerator / denominator
    except (TypeError, ZeroDivisionError):
        return float("nan")


def _folder_name(number: Any, overrides: str) -> str:
    """A sweep job's folder: its number and overrides, with nothing that a path gives meaning to."""
    return f"{number}_{re.sub(r'[^A-Za-z0-9=,.+-]+', '_', overrides)}"[:120].rstrip("._")


OmegaConf.register_new_resolver("ratio", _ratio, replace=True)
OmegaConf.register_new_resolver("folder_name", _folder_name, replace=True)


def run(
    job: Job[Settings],
    config_name: str,
    schema: type[Settings],
    folder: Path | None = None,
    summarised: bool = True,
) -> None:
    """Run a script's job, or a sweep over it, and exit: 0 done, 1 refused, failed or diverged.

    Garbage is not collected until the job has made its imports (`imports_are_done`), which create
    many objects and no garbage: looking for it takes a fifth of their time.

    Args:
        job: what to do.
        config_name: the configuration in conf/.
        schema: what it is checked against.
        folder: conf/, where it is not beside the file of the job.
        summarised: show the results that jobs leave, and a sweep's table.
    """
    gc.disable()
    folder = folder or Path(inspect.getfile(job)).parent / "conf"
    wanted = os.environ.get("HYDRA_FULL_ERROR", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, where they become one line
    SweepFolder.path = None
    codes: list[int] = []

    def task(config: DictConfig) -> None:
        codes.append(_run_job(job, config, schema, summarised))

    try:
        hydra.main(version_base="1.3", config_path=str(folder), config_name=config_name)(task)()
    except BrokenPipeError:  # the reader of `--help | head` has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # of Hydra alone: jobs report their own
        if wanted == "1":
            raise
        _say(_one_line(error, folder, config_name))
        codes.append(1)
    finally:
        os.environ["HYDRA_FULL_ERROR"] = wanted
    if summarised and SweepFolder.path is not None and SweepFolder.path.exists():
        codes.append(_collect(SweepFolder.path))
    sys.exit(max(codes, default=0))


def composed(conf: Path, config_name: str, experiment: str) -> str:
    """An experiment's configuration and what it sweeps over, as text: equal where the runs are.

    Raises:
        SettingsError: the experiment cannot be composed.
    """
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf.absolute()), version_base="1.3"):
            config = hydra.compose(config_name, [f"experiment={experiment}"], True)
    except (HydraException, OmegaConfBaseException) as error:
        raise SettingsError(_one_line(error, conf, config_name)) from error
    sweep = config.hydra.sweeper.params
    kept = {key: config._get_node(key) for key in config if key not in ("hydra", "logger")}
    return OmegaConf.to_yaml(OmegaConf.create({**kept, "sweep": sweep}), sort_keys=True)


def imports_are_done() -> None:
    """Collect garbage from here on, and leave out what was imported; in a sweep's first job."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _run_job(
    job: Job[Settings], config: DictConfig, schema: type[Settings], summarised: bool
) -> int:
    """One job; every failure becomes an exit code, so that a sweep goes on."""
    try:
        settings = _plain(config)
        choices = HydraConfig.get().runtime.choices
        path = Path(HydraConfig.get().runtime.output_dir)
        folder = RunFolder(path, choices["pde"], choices["method"], config_hash(settings))
        folder.clear()
        code = job(check(settings, schema), folder)
        if summarised and HydraConfig.get().mode == RunMode.RUN:
            from pinnspectra.results import summary

            print(summary(path))
        return code
    except (SettingsError, OmegaConfBaseException) as error:
        _say(_first_line(error))
    except Exception:
        log.exception("the job failed")
    finally:
        gc.enable()
    return 1


def resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as it was composed, with its interpolations resolved.

    Raises:
        OmegaConfBaseException: one of them cannot be.
    """
    return _plain(OmegaConf.create(dict(config)))


def _plain(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _collect(folder: Path) -> int:
    """Show the table and figure of a sweep; 1 where there is none or a run is not finished."""
    from pinnspectra.results import NoRunError, collect

    try:
        return 0 if collect(folder) else 1
    except NoRunError:  # the sweep was refused before its first job, which has been said
        return 1


def _say(line: str) -> None:
    print(f"error: {line}", file=sys.stderr)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


def _one_line(error: Exception, folder: Path, config_name: str) -> str:
    """What Hydra says about an override, in one line with what is allowed."""
    overrides = [argument for argument in sys.argv[1:] if "=" in argument]
    for group, choice in (o.split("=", 1) for o in overrides):
        one = (folder / group).is_dir() and group not in LISTS
        if one and (choice.startswith("[") or choice == "null"):
            return f"{group}={choice}: one choice is needed; {_choices(group, folder)}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return f"{group}={choice}: no such choice; allowed are {', '.join(sorted(error.options))}"
    missing = re.match(r"In '.*': Could not load '(.+)/(.+)'", str(error))
    if missing is not None:
        return f"{missing[1]}={missing[2]}: no such choice; {_choices(missing[1], folder)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read: {_first_line(error)}"
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"cannot write the run folder: {error}"
    unknown = re.match(r"Could not (?:override|append to config|delete).*?'([^']+)'", str(error))
    if unknown is None:
        return _first_line(error)
    key = unknown[1]
    given = next((o for o in overrides if o.lstrip("+~").split("=")[0] == key), key)
    return f"{given}: there is no key {key}; {_allowed(key, overrides, folder, config_name)}"


def _choices(group: str, folder: Path) -> str:
    names = sorted(path.stem for path in (folder / group).glob("*.yaml"))
    return f"allowed are {', '.join(names)}"


def _allowed(key: str, overrides: list[str], folder: Path, config_name: str) -> str:
    """The keys beside an unknown one, the nearest first."""
    groups = [o for o in overrides if (folder / o.split("=")[0]).is_dir() and "," not in o]
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(folder), version_base="1.3"):
            config = hydra.compose(config_name, overrides=groups)
    except (HydraException, OmegaConfBaseException):
        return f"--cfg job shows the keys of {config_name}"
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else config
    if not isinstance(section, DictConfig):
        parent, name, section = "", key, config
    names = [str(n) for n in section if n != "_target_"]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {'.'.join(filter(None, [parent, near[0]]))}? " if near else ""
    where = f"in {parent}" if parent else "at the top"
    return f"{hint}{where} there are: {', '.join(names) or 'no keys'}"
