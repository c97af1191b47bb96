"""The schema of the composed configuration: every key, its type and what is allowed.

A frozen pydantic model per script checks the whole configuration before anything is built. The
sections that name a class by `_target_` are checked against its signature (components.py). The
tables of docs/keys.md are printed from the schema (keys.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from pinnspectra.runs.messages import SettingsError

Count = Annotated[int, Field(ge=1, le=10**12)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Cutoff = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
UNION_MEMBER = re.compile(r"(constrained-)?(int|float|bool|str)|literal\[.*\]")
"""Where several types are allowed, pydantic adds one of these to the place of a mistake."""

SEEDS = 2**32
"""The number of seeds that torch's generator on the CPU tells apart."""

Section = dict[str, Any]
"""A section with `_target_`, the class to build, and its arguments."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PointsSettings(_Model):
    """Collocation points: `per_axis` of them along every axis of the interior grid."""

    per_axis: int = Field(ge=2, description="grid points lower + i h along every axis")
    spacing: float = Field(description="h = extent / per_axis: follows, and is not to be set")


class PresetSettings(_Model):
    """The paper's settings for a problem, which other keys take as their defaults."""

    step: Positive = Field(description="the step of finite differences")
    learning_rate: Positive = Field(description="the learning rate of gradient descent")
    kernel_cutoff: Cutoff = Field(description="the cut-off for eigenvalues of G")
    system_matrix_cutoff: Cutoff = Field(description="the cut-off for singular values of A")


class RunSettings(_Model):
    """What both scripts take."""

    pde: Section
    method: Section
    model: Section
    points: PointsSettings
    preset: PresetSettings
    boundary_weight: Positive = Field(description="lambda in loss = interior + lambda boundary")
    precision: Literal["float32", "float64"] = Field(
        description="what the residual is computed in; by default as the paper has it: `float32` "
        "in `train.py`, `float64` in `rfm_solve.py`"
    )
    seed: int = Field(ge=0, lt=SEEDS, description="of the initial network")
    threads: int = Field(
        ge=1, le=1024, description="of a run; one is fastest on a CPU, where sweeps share the cores"
    )
    retry: Literal["failed"] | None = Field(
        description="`failed` runs again what failed or diverged; all else that is done is left"
    )


class NamedClass(_Model):
    """A section that names a class by `_target_`, with the arguments of the class beside it."""

    model_config = ConfigDict(extra="allow")

    target: str = Field(alias="_target_")

    @property
    def section(self) -> Section:
        """The section as it was composed."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class OptimizerSettings(NamedClass):
    """An optimizer and its learning rate."""

    lr: Positive


class CallbackSettings(NamedClass):
    """A callback and, where it acts now and then, every how many gradient steps."""

    every: Count | None = None


class KernelSpectrumSettings(_Model):
    """When the spectrum of the training kernel is taken, and in which precision."""

    every: Count = Field(description="gradient steps between spectra")
    cutoff: Cutoff = Field(description="the threshold a of Definitions 1 and 2, for G")
    dtype: Literal["training", "float64"] = Field(
        description="`float64` takes the same network's spectrum without the training's rounding"
    )
    leading: Count | None = Field(
        description="the number of largest values to take, where parameters are many; `null`: all"
    )


class EnsembleSettings(_Model):
    """The members: `size` seeds, crossed with learning rates where they are given."""

    size: int = Field(
        ge=1,
        le=10**6,
        description="members with the seeds `seed`, `seed + 1`, ..., trained as one program; a row "
        "a member in the tables, bands in the figures",
    )
    lr: Annotated[list[Positive], Field(min_length=1)] | None = Field(
        description="learning rates to cross the members with, as `[1e-3,1e-4]`"
    )


class CheckpointSettings(_Model):
    """How often a run saves itself."""

    every: Count | None = Field(
        description="gradient steps between checkpoints, of which the last two are kept; `auto` is "
        "some seconds of work"
    )

    @field_validator("every", mode="wrap", json_schema_input_type=Count | Literal["auto"] | None)
    @classmethod
    def _steps_or_auto(cls, every: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return None if every == "auto" else check(every)
        except ValidationError:
            raise ValueError(f"={every}: an integer of at least 1, or auto") from None


class TrainSettings(RunSettings):
    """The configuration of train.py."""

    optimizer: OptimizerSettings
    schedule: Section
    ensemble: EnsembleSettings
    compiled: Literal["auto"] | bool = Field(
        alias="compile",
        description="gradient steps as one compiled program: 7 s the first time, 2 s in later "
        "processes, nothing in later jobs of a sweep; needs a C++ compiler. `auto`: where the run "
        "is long enough",
    )
    max_steps: Count = Field(description="gradient steps, as are all steps here")
    log_every: Count = Field(description="gradient steps between logged rows")
    spectrum: KernelSpectrumSettings
    checkpoint: CheckpointSettings
    trainer: Section
    logger: dict[str, Section]
    callbacks: dict[str, CallbackSettings] = {}  # Hydra leaves the key out where none is chosen

    @property
    def seeds(self) -> list[int]:
        """The seed of every member, for one learning rate after another."""
        rates = len(self.ensemble.lr or [0])
        return [self.seed + i for i in range(self.ensemble.size)] * rates

    @property
    def learning_rates(self) -> list[float]:
        """The learning rate of every member at the start."""
        rates = self.ensemble.lr or [self.optimizer.lr]
        return [rate for rate in rates for _ in range(self.ensemble.size)]

    @field_validator("ensemble")
    @classmethod
    def _seeds_are_apart(cls, ensemble: EnsembleSettings, info: ValidationInfo) -> EnsembleSettings:
        if info.data.get("seed", 0) + ensemble.size > SEEDS:
            raise ValueError(f".size={ensemble.size}: seeds up to seed + size - 1 are below 2^32")
        return ensemble

    @field_validator("trainer")
    @classmethod
    def _points_are_divided(cls, trainer: Section) -> Section:
        if (strategy := trainer.get("strategy", "auto")) not in ("auto", "ddp"):
            raise ValueError(f".strategy={strategy}: several devices divide the points: ddp")
        return trainer

    @field_validator("logger")
    @classmethod
    def _csv_always(cls, logger: dict[str, Section]) -> dict[str, Section]:
        if "csv" not in logger:
            given, fixed = ",".join(logger), ",".join(["csv", *logger])
            raise ValueError(f"=[{given}]: every run writes metrics.csv; take logger=[{fixed}]")
        return logger


class SystemMatrixSpectrumSettings(_Model):
    """The cut-off of the system matrix's spectrum."""

    cutoff: Cutoff | Literal["auto"] = Field(
        description="the threshold a of Definitions 1 and 2, for A; `auto` is 1.3 times the top of "
        "the rounding floor, so that no rounding is solved with"
    )


class RandomFeatureSettings(RunSettings):
    """The configuration of rfm_solve.py."""

    spectrum: SystemMatrixSpectrumSettings
    boundary_rows: bool = Field(
        description="append the boundary conditions to the rows that are solved, without which u "
        "is free up to what the operator does not see; `solved_singular_values` of `spectrum.npz` "
        "are then of A with these rows"
    )


Settings = TypeVar("Settings", bound=RunSettings)


def check(config: Mapping[str, Any], schema: type[Settings]) -> Settings:
    """Check a configuration against a schema.

    Raises:
        SettingsError: a key is unknown or missing, or a value has the wrong type or range.
    """
    try:
        return schema.model_validate(config)
    except ValidationError as error:
        raise SettingsError(first_mistake(error)) from None


def first_mistake(error: ValidationError, prefix: str = "") -> str:
    """Tell the first mistake in one line: key=value: what is wrong and what is allowed."""
    first, *others = error.errors(include_url=False)
    place, message = first["loc"], first["msg"].removeprefix("Input ")
    if UNION_MEMBER.fullmatch(str(place[-1])):  # the value is none of several types
        place = place[:-1]
        more = [e["msg"].removeprefix("Input should be ") for e in others if e["loc"][:-1] == place]
        message = " or ".join([message, *more])
    key = ".".join([*([prefix] if prefix else []), *map(str, place)])
    if first["type"] == "missing":
        return f"{key}: a value is needed"
    if first["type"] == "value_error":
        return key + first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "there is no such key"
    return f"{key}={first['input']}: {message}"
