"""docs/keys.md: every key of the configuration, printed from the schema and the files in conf/.

    python -m pinnspectra.keys > docs/keys.md

The schema (settings.py) says what a key means and allows; the files have the defaults, and the keys
that come with a choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from pinnspectra.command_line.settings import RandomFeatureSettings, RunSettings, TrainSettings
from pinnspectra.runs.folder import flat

CONF = Path(__file__).parents[3] / "conf"

GROUPS = {
    "pde": "The problem, with the settings that the paper has for it",
    "method": "How derivatives are taken",
    "model": "The network",
    "optimizer": "How gradients become steps, in `train.py`",
    "schedule": "How the learning rate changes, by schedulers of `torch.optim`",
    "trainer": "Lightning's; other arguments of its class can be added as `+trainer.KEY=`",
    "logger": "Where metrics go: any number, as `logger=[csv,tensorboard]`, csv among them",
    "callbacks": "What else is recorded: any number, as `callbacks=[spectrum,theorem1]`",
}
"""The groups of which a choice has its own keys, and what is chosen."""

TITLE = """# Configuration keys

*Printed by `python -m pinnspectra.keys` from the schema and `conf/`.*

A key is given as `key=value` behind a script, a choice as `group=choice`; several values with
commas, behind `-m`, are a sweep. What is unknown, of a wrong type or out of range is refused in one
line. `python train.py --help` lists the choices, and

```bash
python train.py --cfg job pde=biharmonic method=fd
```

prints a whole configuration, as a run records it in `.hydra/config.yaml`. `${preset.step}` and the
like are the values of other keys.
"""

BESIDE = """## Beside the configuration

| given | |
|---|---|
| `-m` | a sweep: every combination of the values that are given with commas |
| `experiment=NAME` | a checked-in sweep of `conf/experiment/`: %s |
| `resume=DIR` | the command that a run's or a sweep's folder was started with, in it |
| `hydra.run.dir=DIR`, `hydra.sweep.dir=DIR` | another folder than the one named after overrides |
| `hydra/launcher=` | `joblib`, `submitit_slurm`: jobs side by side ([scaling.md](scaling.md)) |
| `+key=value`, `~key` | add a key that a class takes and conf/ does not list; leave one out |
| `--cfg job`, `--help` | print the configuration; the choices |
"""


def keys(schema: type[RunSettings]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the dotted keys of a schema that come with no choice, each with its JSON schema."""
    whole = schema.model_json_schema()
    for name, field in whole["properties"].items():
        section = field.get("$ref", "").removeprefix("#/$defs/")
        if section and name not in GROUPS:
            fields = whole["$defs"][section]["properties"]
            yield from ((f"{name}.{key}", value) for key, value in fields.items())
        elif name not in GROUPS:
            yield name, field


def allowed(schema: Mapping[str, Any]) -> str:
    """Tell what the JSON schema of a key allows."""
    if "anyOf" in schema:
        return ", or ".join(map(allowed, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"[{allowed(schema['items'])}, ...]"
    limits = {
        "above": schema.get("exclusiveMinimum"),
        "from": schema.get("minimum"),
        "to": schema.get("maximum"),
        "to below": schema.get("exclusiveMaximum"),
    }
    given = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
    words = {"boolean": "`true` or `false`", "null": "`null`"}
    return " ".join([words.get(schema["type"], str(schema["type"])), *given])


def key_table(schema: type[RunSettings], script: str, left_out: type[RunSettings] | None) -> str:
    """Print the keys of a schema, with their defaults, what they allow and what they mean."""
    defaults = flat(OmegaConf.to_container(OmegaConf.load(CONF / f"{script}.yaml")))
    known = dict(keys(left_out)) if left_out else {}
    rows = ["| key | default | allowed | |", "|---|---|---|---|"]
    for key, field in keys(schema):
        if key not in known:
            default = f"`{json.dumps(defaults[key])}`".replace('"', "") if key in defaults else ""
            rows.append(f"| `{key}` | {default} | {allowed(field)} | {field['description']} |")
    return "\n".join(rows) + "\n"


def choices(group: str) -> str:
    """Print the files of a group."""
    files = sorted((CONF / group).glob("*.yaml"))
    blocks = [f"### `{group}={file.stem}`\n\n```yaml\n{file.read_text()}```\n" for file in files]
    lists = [OmegaConf.load(CONF / f"{script}.yaml").defaults for script in ("run", "train")]
    (chosen,) = [entry[group] for entries in lists for entry in entries if group in entry]
    default = chosen if isinstance(chosen, str) else f"[{','.join(chosen)}]"
    return f"## `{group}=`\n\n{GROUPS[group]}. Default: `{default}`.\n\n" + "\n".join(blocks)


def page() -> str:
    """Print the page."""
    experiments = ", ".join(f"`{f.stem}`" for f in sorted((CONF / "experiment").glob("*.yaml")))
    return "\n".join(
        [
            TITLE,
            "## Both scripts\n\nWhere no default is given it is that of the problem.\n",
            key_table(RunSettings, "run", None),
            "## `train.py`\n",
            key_table(TrainSettings, "train", RunSettings),
            "## `rfm_solve.py`\n",
            key_table(RandomFeatureSettings, "rfm_solve", RunSettings),
            *map(choices, GROUPS),
            BESIDE % experiments,
        ]
    )
