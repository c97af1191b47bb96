"""Train a physics-informed network; log its loss beside the spectrum of its training kernel.

python train.py pde=biharmonic method=fd optimizer.lr=1e-4
python train.py -m method=ad,fd pde=poisson2d
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinnspectra.command_line import imports_are_done, run
from pinnspectra.command_line.components import (
    build,
    build_collocation,
    build_optimizer,
    build_scheduler,
    checked,
)
from pinnspectra.command_line.settings import TrainSettings
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.signals import waiting

if TYPE_CHECKING:
    from pinnspectra.training.ensemble import Ensemble


def train(settings: TrainSettings, folder: RunFolder) -> int:
    """One training run, or what an interruption left of it; 1 where the loss diverged."""
    import torch  # these imports take seconds: --help and a refused key need not wait for them

    from pinnspectra.command_line.memory import need_of_training, require

    torch.set_num_threads(settings.threads)
    on_accelerator = torch.cuda.is_available() and settings.trainer.get("accelerator") != "cpu"
    require(need_of_training(settings), on_accelerator)
    ensemble = build_ensemble(settings)

    from pinnspectra.collocation import FitError
    from pinnspectra.training.checkpoints import last_whole
    from pinnspectra.training.compiled import CompileError
    from pinnspectra.training.data import CHUNKS_SAVED, ChunkSchedule, longest_chunk
    from pinnspectra.training.distributed import leave_at_exit, lost_processes
    from pinnspectra.training.lightning import EnsembleModule
    from pinnspectra.training.outcome import write_outcome
    from pinnspectra.training.wandb_run import finish, log_outcome

    imports_are_done()
    compiled = bool(ensemble.compiled)
    longest = longest_chunk(ensemble.activation_entries, compiled, settings.log_every)
    saved_every = settings.checkpoint.every or CHUNKS_SAVED * longest
    trainer = build_trainer(settings, folder, ensemble, saved_every)
    checkpoint, start = last_whole(folder.path / "checkpoints", folder.config_hash) or (None, 0)
    code = 1
    try:
        every = [callback.every for callback in settings.callbacks.values()]
        intervals = [n for n in (*every, ensemble.renew_every, saved_every) if n]
        chunks = ChunkSchedule(settings.max_steps, intervals, longest, start)
        module = EnsembleModule(ensemble, chunks, settings.log_every)
        if trainer.is_global_zero:
            resumed = checkpoint is not None
            check_loggers(settings, folder)
            folder.begin(resumed)
            trainer.loggers = build_loggers(settings, folder, resumed)
        with waiting(), lost_processes():
            trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
        leave_at_exit()
        if not trainer.is_global_zero:
            return 0
        in_training = settings.spectrum.dtype == "training"
        spectrum_dtype = ensemble.members.dtype if in_training else torch.float64
        cutoff = settings.spectrum.cutoff
        code = write_outcome(module, folder, settings.seeds, cutoff, spectrum_dtype)
        log_outcome(trainer.loggers)
        return code
    except CompileError as error:
        raise SettingsError(str(error)) from error
    except FitError as error:
        raise SettingsError(f"method.{error}") from error
    finally:
        finish(code)


def build_ensemble(settings: TrainSettings) -> Ensemble:
    """The networks, their problem and what trains them."""
    import torch

    collocation = build_collocation(settings)
    network = build("model", settings.model)

    from pinnspectra.solvers import AbstractOptimizer
    from pinnspectra.training.compiled import is_worth_compiling, programs_of_this_process
    from pinnspectra.training.ensemble import Ensemble
    from pinnspectra.training.schedule import LearningRates

    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    parameters = network.initial_parameters(dimension, settings.seeds, dtype)
    optimizer = build_optimizer(settings)
    if not isinstance(optimizer, AbstractOptimizer):
        if settings.compiled is True:
            target = settings.optimizer.target
            raise SettingsError(f"compile=true: {target} runs eagerly; take optimizer=sgd or adam")
        optimizer(parameters.values())  # refuses a bad setting before anything is logged
    ensemble = Ensemble(
        collocation,
        network,
        parameters,
        optimizer,
        LearningRates(settings.learning_rates, build_scheduler(settings)),
        settings.boundary_weight,
        programs=programs_of_this_process(),
    )
    auto = settings.compiled == "auto" and isinstance(optimizer, AbstractOptimizer)
    long = is_worth_compiling(settings.max_steps, ensemble.activation_entries)
    ensemble.compiled = "auto" if auto and long else settings.compiled is True
    return ensemble


def build_trainer(
    settings: TrainSettings, folder: RunFolder, ensemble: Ensemble, saved_every: int
) -> Any:
    """Lightning's trainer with the callbacks, the checkpoints among them."""
    from pinnspectra.training.allocator import keep_freed_memory
    from pinnspectra.training.callbacks import Checkpoint
    from pinnspectra.training.callbacks.checkpoint import WholeFiles
    from pinnspectra.training.distributed import check_processes
    from pinnspectra.training.lightning import TRAINER, accelerator, quiet_lightning

    quiet_lightning()
    keep_freed_memory()
    offered: dict[str, Any] = {"folder": folder, "optimizer": ensemble.optimizer}
    offered |= settings.spectrum.model_dump(exclude={"every"})
    callbacks = [
        build(f"callbacks.{name}", callback.section, **offered)
        for name, callback in settings.callbacks.items()
    ]
    callbacks.append(Checkpoint(folder, saved_every))
    section = {**settings.trainer, "accelerator": accelerator(settings.trainer.get("accelerator"))}
    given = {"callbacks": callbacks, "plugins": [WholeFiles()], "logger": False, **TRAINER}
    trainer = build("trainer", section, **given)
    check_processes(trainer.world_size, trainer.num_devices, ensemble.collocation)
    return trainer


def check_loggers(settings: TrainSettings, folder: RunFolder) -> None:
    """Refuse what the loggers do not take, before anything is written."""
    for name, section in settings.logger.items():
        checked(f"logger.{name}", section, folder=folder, save_dir=folder.path, resumed=False)


def build_loggers(settings: TrainSettings, folder: RunFolder, resumed: bool) -> list[Any]:
    """The loggers, which know the configuration."""
    offered = {"folder": folder, "save_dir": folder.path, "resumed": resumed}
    loggers = [
        build(f"logger.{name}", section, **offered) for name, section in settings.logger.items()
    ]
    for logger in loggers:
        logger.log_hyperparams(settings.model_dump(by_alias=True))
    return loggers


if __name__ == "__main__":
    run(train, "train", TrainSettings)
