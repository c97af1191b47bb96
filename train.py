"""Train a physics-informed network; log its loss beside the spectrum of its training kernel.

python train.py pde=biharmonic method=fd optimizer.lr=1e-4
python train.py -m method=ad,fd pde=poisson2d
"""

from __future__ import annotations

from pinnspectra.command_line import imports_are_done, run
from pinnspectra.components import build, build_collocation, build_optimizer, build_scheduler
from pinnspectra.interruption import waiting
from pinnspectra.run_folder import RunFolder
from pinnspectra.settings import SettingsError, TrainSettings


def train(settings: TrainSettings, folder: RunFolder) -> int:
    """One training run; the exit code is 1 where the loss diverged."""
    import torch  # these imports take seconds: --help and a refused key need not wait for them

    torch.set_num_threads(settings.threads)
    collocation = build_collocation(settings)
    network = build("model", settings.model)

    from pinnspectra.collocation import FitError
    from pinnspectra.optimizers import AbstractOptimizer
    from pinnspectra.training import TRAINER, accelerator, quiet_lightning
    from pinnspectra.training.allocator import keep_freed_memory
    from pinnspectra.training.callbacks import Checkpoint
    from pinnspectra.training.checkpoints import WholeFiles, last_whole
    from pinnspectra.training.data import CHUNKS_SAVED, ChunkSchedule, longest_chunk
    from pinnspectra.training.distributed import check_processes
    from pinnspectra.training.driver import CompileError, pays
    from pinnspectra.training.module import PINN
    from pinnspectra.training.outcome import write_outcome
    from pinnspectra.training.schedule import LearningRates
    from pinnspectra.training.wandb_run import finish

    imports_are_done()
    quiet_lightning()
    keep_freed_memory()
    dimension, dtype = collocation.pde.domain.dimension, getattr(torch, settings.precision)
    parameters = network.initial_parameters(dimension, settings.seeds, dtype)
    values = len(settings.seeds) * network.width * collocation.nodes
    optimizer = build_optimizer(settings)
    if settings.compiled is True and not isinstance(optimizer, AbstractOptimizer):
        target = settings.optimizer.target
        raise SettingsError(f"compile=true: {target} runs eagerly; take optimizer=sgd or adam")
    auto = settings.compiled == "auto" and isinstance(optimizer, AbstractOptimizer)
    compiled = "auto" if auto and pays(settings.max_steps, values) else settings.compiled is True
    module = PINN(
        collocation,
        network,
        parameters,
        optimizer,
        LearningRates(settings.learning_rates, build_scheduler(settings)),
        settings.boundary_weight,
        settings.log_every,
        compiled,
    )
    module.configure_optimizers()  # refuses a bad setting before anything is logged
    spectrum = settings.spectrum.model_dump(exclude={"every"})
    callbacks = [
        build(f"callbacks.{name}", callback.section, folder=folder, optimizer=optimizer, **spectrum)
        for name, callback in settings.callbacks.items()
    ]
    longest = longest_chunk(values, bool(compiled), settings.log_every)
    saved_every = settings.checkpoint.every or CHUNKS_SAVED * longest
    callbacks.append(Checkpoint(folder, saved_every))
    section = {**settings.trainer, "accelerator": accelerator(settings.trainer.get("accelerator"))}
    trainer = build(
        "trainer", section, callbacks=callbacks, plugins=[WholeFiles()], logger=False, **TRAINER
    )
    check_processes(trainer, collocation)
    try:
        intervals = [c.every for c in settings.callbacks.values()] + [
            module.renew_every,
            saved_every,
        ]
        checkpoint, start = last_whole(folder.path / "checkpoints", folder.config_hash) or (None, 0)
        chunks = ChunkSchedule(settings.max_steps, [i for i in intervals if i], longest, start)
        if trainer.is_global_zero:
            folder.begin(resumed=checkpoint is not None)
        trainer.loggers = [
            build(f"logger.{name}", section, folder=folder, save_dir=folder.path)
            for name, section in settings.logger.items()
            if trainer.is_global_zero
        ]
        for logger in trainer.loggers:
            logger.log_hyperparams(settings.model_dump(by_alias=True))
        with waiting():
            trainer.fit(module, chunks, ckpt_path=checkpoint, weights_only=True)
    except CompileError as error:
        raise SettingsError(str(error)) from error
    except FitError as error:
        raise SettingsError(f"method.{error}") from error
    finally:
        finish()
    if not trainer.is_global_zero:
        return 0
    return write_outcome(module, folder, settings.seeds, settings.spectrum.cutoff)


if __name__ == "__main__":
    run(train, "train", TrainSettings)
