"""docs/keys.md: every key of the configuration, printed from the schema and from conf/.

    python -m pinnspectra.keys > docs/keys.md

The schema (settings.py) says what a key means and allows, conf/ has the choices, their keys and the
defaults, with what the comments say of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnspectra.command_line.settings import RandomFeatureSettings, RunSettings, TrainSettings

CONF = Path(__file__).parents[3] / "conf"

LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?: +(?P<value>[^#\s][^#]*?))?(?: +# (?P<said>.*))?")
"""A line of a file in conf/: a key, its value and what is said of it."""

GROUPS = {
    "method": "How derivatives are taken",
    "model": "The network",
    "optimizer": "How gradients become steps, in `train.py`",
    "schedule": "What becomes of the learning rate, by schedulers of `torch.optim`",
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


@dataclass(frozen=True)
class Entry:
    """A key of a file in conf/: its value as it is written, and what the comment beside it says."""

    value: str
    said: str


def entries(path: Path) -> dict[str, Entry]:
    """The keys of a file in conf/ that have a value, by their dotted names."""
    found: dict[str, Entry] = {}
    above: list[tuple[int, str]] = []
    for match in filter(None, map(LINE.fullmatch, path.read_text().splitlines())):
        depth = len(match["indent"])
        above = [(d, key) for d, key in above if d < depth] + [(depth, match["key"])]
        if match["value"] and match["key"] != "_target_":
            name = ".".join(key for _, key in above)
            found[name] = Entry(match["value"], match["said"] or "")
    return found


def heading(path: Path) -> str:
    """What the comments at the top of a file in conf/ say of it."""
    lines = path.read_text().splitlines()
    said = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    return " ".join(line for line in said if not line.startswith("@package"))


def choices(script: str) -> dict[str, str]:
    """What a script's file chooses of each group."""
    text = (CONF / f"{script}.yaml").read_text()
    return dict(re.findall(r"^  - (\w+): (.+)$", text, re.MULTILINE))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def code(text: str) -> str:
    """A text as code; nothing of none."""
    return f"`{text}`" if text else ""


def allowed(schema: Mapping[str, Any]) -> str:
    """What a JSON schema of one key allows, in words."""
    if "anyOf" in schema:
        return ", or ".join(map(allowed, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(map(code, schema.get("enum", [schema.get("const")])))
    kind = schema["type"]
    if kind == "boolean":
        return "`true` or `false`"
    if kind == "array":
        return f"[{allowed(schema['items'])}, ...]"
    limits = {
        "above": schema.get("exclusiveMinimum"),
        "from": schema.get("minimum"),
        "to": schema.get("maximum"),
        "to below": schema.get("exclusiveMaximum"),
    }
    said = [f"{word} {_short(limit)}" for word, limit in limits.items() if limit is not None]
    return " ".join([code("null") if kind == "null" else kind, *said])


def _short(number: float) -> str:
    brief = f"{number:g}"
    return brief.replace("e+", "e") if float(brief) == number else str(number)


def keys(schema: type[RunSettings]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The dotted keys of a script's schema that are no group's, each with its JSON schema."""
    whole = schema.model_json_schema()
    sections: dict[str, Any] = whole["$defs"]
    for name, field in whole["properties"].items():
        section = field.get("$ref", "").removeprefix("#/$defs/")
        if section and name not in GROUPS:
            yield from ((f"{name}.{k}", v) for k, v in sections[section]["properties"].items())
        elif name not in (*GROUPS, "pde"):
            yield name, field


def key_table(schema: type[RunSettings], script: str, leave_out: Sequence[str] = ()) -> str:
    """The keys of a script with defaults, what is allowed and what they mean."""
    defaults, problem = entries(CONF / f"{script}.yaml"), entries(CONF / "pde" / "poisson1d.yaml")
    rows = [
        (
            code(key),
            code(defaults[key].value) if key in defaults else "the problem's",
            allowed(field),
            " ".join(filter(None, [field.get("description", ""), _beside(defaults, key)])),
        )
        for key, field in keys(schema)
        if key not in leave_out and (key in defaults or key in problem)
    ]
    return table(("key", "default", "allowed", ""), rows)


def _beside(defaults: Mapping[str, Entry], key: str) -> str:
    said = defaults[key].said if key in defaults else ""
    return f"({said})" if said else ""


def problem_table() -> str:
    """The settings that come with each problem."""
    files = sorted((CONF / "pde").glob("*.yaml"))
    of_each = {path.stem: entries(path) for path in files}
    rows = [("", *(re.sub(" +", " ", heading(path)) for path in files))]
    for key in sorted({key for found in of_each.values() for key in found}):
        cells = [found.get(key, Entry("", "")) for found in of_each.values()]
        said = [f" ({e.said})" if e.said else "" for e in cells]
        rows.append((code(key), *(code(e.value) + s for e, s in zip(cells, said, strict=True))))
    return table(("`pde=`", *map(code, of_each)), rows)


def group_table(group: str) -> str:
    """The choices of a group, each with its own keys below it."""
    rows = []
    for path in sorted((CONF / group).glob("*.yaml")):
        rows.append((f"**`{group}={path.stem}`**", "", heading(path)))
        for key, entry in entries(path).items():
            rows.append((code(f"{group}.{key}"), code(entry.value), entry.said))
    return table(("choice and its keys", "default", ""), rows)


def page() -> str:
    """The page."""
    shared = [key for key, _ in keys(RunSettings) if key not in entries(CONF / "train.yaml")]
    chosen = choices("run") | choices("train")
    experiments = ", ".join(code(path.stem) for path in sorted((CONF / "experiment").glob("*")))
    return "\n".join(
        [
            TITLE,
            "## Both scripts\n",
            key_table(RunSettings, "run"),
            "## `train.py`\n",
            key_table(TrainSettings, "train", shared),
            "## `rfm_solve.py`\n",
            key_table(RandomFeatureSettings, "rfm_solve", shared),
            f"## `pde=`\n\nThe problem and its settings. Not given: `{chosen['pde']}`.\n",
            problem_table(),
            *(
                f"## `{group}=`\n\n{said}. Not given: `{chosen[group]}`.\n\n{group_table(group)}"
                for group, said in GROUPS.items()
            ),
            BESIDE % experiments,
        ]
    )
