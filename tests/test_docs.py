"""What the pages say is so: their commands run, their links lead somewhere, their keys exist."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import hydra
import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from pages import LINK, PAGES, anchors, blocks, without_blocks, words
from scripts import ROOT, SMALL, run_folders, run_here

import pinnspectra.command_line  # noqa: F401  registers the resolvers
from pinnspectra.command_line import keys
from pinnspectra.command_line.configuration import plain
from pinnspectra.command_line.settings import RandomFeatureSettings, TrainSettings, check

SCRIPTS = {
    "train.py": ("train", TrainSettings),
    "rfm_solve.py": ("rfm_solve", RandomFeatureSettings),
    "pinnspectra.advise": ("advise", TrainSettings),
}
"""The configuration of each script and its schema."""

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

REFUSED = {
    command
    for block in blocks(ROOT / "docs" / "faq.md", "console")
    for command, printed in block.sessions
    if "error" in printed
}
"""Commands of which the page says that they are refused (tests/test_docs_faq.py)."""

OF_THE_SHELL = {"source", "eval", "cd", "ls", "export", "sudo", "tmux", "wandb"}


def test_the_page_of_keys_is_the_one_that_is_printed():
    assert (ROOT / "docs" / "keys.md").read_text() == keys.page(), (
        "python -m pinnspectra.keys > docs/keys.md"
    )


def test_every_key_of_the_schema_says_what_it_means():
    for schema in (TrainSettings, RandomFeatureSettings):
        assert [key for key, field in keys.keys(schema) if not field.get("description")] == []


def test_the_page_of_keys_has_every_group_of_choices():
    groups = {path.parent.name for path in (ROOT / "conf").glob("*/*.yaml")}
    assert {*keys.GROUPS, "experiment"} == groups


@EACH_PAGE
def test_links_lead_to_files_and_headings(page):
    for link in LINK.findall(without_blocks(page)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@EACH_PAGE
def test_files_that_are_named_are_there(page):
    made = ("outputs/", "figures/", "wandb/", "checkpoints/", "tests/x")
    for name in re.findall(r"`((?:src|conf|docs|tests|benchmarks|examples)/[\w./-]+)`",
                           without_blocks(page)):  # fmt: skip
        own = {block.file for block in blocks(page)}
        assert (ROOT / name).exists() or name in own or name.startswith(made), name


@EACH_PAGE
def test_blocks_are_fenced_and_say_their_language(page):
    allowed = {"bash", "console", "python", "text", "yaml"}
    assert {block.language for block in blocks(page)} <= allowed
    indented = re.findall(r"(?:\A|\n)\n(    .+)", without_blocks(page))
    in_lists = [line for line in indented if re.match(r"\s+[-*\d]", line)]
    assert indented == in_lists


@EACH_PAGE
def test_commands_are_accepted(page, tmp_path):
    conf = ROOT / "conf"
    more = [block for block in blocks(page, "yaml") if block.file]
    if more:
        conf = shutil.copytree(conf, tmp_path / "conf")
        for block in more:
            (tmp_path / block.file).write_text(block.text)
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        for block in blocks(page, "bash", "console"):
            for command in block.commands:
                if command not in REFUSED:
                    accept(words(command), str(block))


def one_job(arguments):
    """The overrides of the last job of a command."""
    given = [a for a in arguments if "=" in a and not a.startswith(("-", "hydra", "resume="))]
    parsed = OverridesParser.create().parse_overrides(given)
    return tuple(
        f"{o.get_key_element()}={list(o.sweep_string_iterator())[-1]}"
        if o.is_sweep_override()
        else text
        for o, text in zip(parsed, given, strict=True)
    )


@cache
def settings_of(script, overrides):
    """The checked configuration of a script's job."""
    name, schema = SCRIPTS[script]
    return check(plain(hydra.compose(name, list(overrides))), schema)


def sources(module):
    """The files of a module or package."""
    file = Path(module.origin)
    return sorted(file.parent.glob("*.py")) if module.submodule_search_locations else [file]


def accept(command, place):
    """Check a command without running it: what it names exists, its keys and values are allowed."""
    while "=" in command[0] or command[0] in ("nice", "sudo"):
        command = command[1:]
    script = next((word for word in command if word in SCRIPTS), None)
    first = command[0]
    if script is not None:
        assert settings_of(script, one_job(command[command.index(script) + 1 :]))
    elif first == "python" and command[1] == "-m":
        module = find_spec(command[2])
        assert module is not None, (place, command)
        flags = [word for word in command[3:] if word.startswith("--")]
        source = "".join(path.read_text() for path in sources(module))
        assert all(f'"{flag}"' in source for flag in flags), (place, command)
    elif first == "make":
        assert f"\n{command[1]}:" in (ROOT / "Makefile").read_text(), (place, command)
    elif first == "pip" and "-r" not in command:
        assert command[-1] in (ROOT / "pyproject.toml").read_text(), (place, command)
    elif command == ["pytest", "-k", "helmholtz"]:
        assert place.startswith("docs/extend.md")
    elif first in ("python", "pytest", "pip") or first.startswith("tests/"):
        files = [word for word in command if re.search(r"\.(py|txt)$|^tests/", word)]
        assert files, (place, command)
        assert all((ROOT / file).exists() for file in files), (place, command)
    else:
        assert first in OF_THE_SHELL, f"{place}: nothing checks {command}"


def test_the_entropies_of_the_idea_are_right():
    (block,) = blocks(ROOT / "docs" / "idea.md", "python")
    names = {}
    exec(block.text, names)
    lines = [line.rsplit("# ", 1) for line in block.text.splitlines() if line.startswith("eff")]
    assert len(lines) == 2
    for code, said in lines:
        e, H = eval(code, names)
        assert f"{int(e)}, {float(H):.2g}" == said


@pytest.mark.slow
def test_the_page_of_results_names_what_runs_leave(tmp_path, undrawn):
    told = set(re.findall(r"`([^`]+)`", without_blocks(ROOT / "docs" / "results.md")))
    better = ("model.width=10", "points.per_axis=16", "boundary_rows=true")
    for script, *more in (("train.py", *SMALL, "logger=[csv]"), ("rfm_solve.py", *better)):
        assert run_here(script, *more, cwd=tmp_path).returncode == 0
    folders = run_folders(tmp_path)
    assert len(folders) == 2
    for folder in folders:
        left = {path.name + "/" * path.is_dir() for path in folder.iterdir()}
        assert left - told == set()
        for path in folder.glob("*.npz"):
            assert set(np.load(path)) - told == set(), path
        result = json.loads((folder / "result.json").read_text())
        assert set(result) - told == set()
    columns = (folders[0] / "metrics.csv").read_text().split("\n")[0].split(",")
    assert set(columns) - told == set()


@pytest.mark.slow
def test_the_page_of_results_names_every_figure(tmp_path):
    text = without_blocks(ROOT / "docs" / "results.md")
    told = set(re.findall(r"`(\w+)`", text[text.index("## Figures") :]))
    small = ("-m", "method=ad,fd", "model.width=10", "points.per_axis=16")
    assert run_here("rfm_solve.py", *small, "boundary_rows=true", cwd=tmp_path).returncode == 0
    train = (*small, "max_steps=20", "logger=[csv]")
    assert run_here("train.py", *train, cwd=tmp_path).returncode == 0
    assert {path.stem for path in tmp_path.rglob("*.png")} == told


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("python train.py pde=", ["pde=biharmonic", "pde=poisson1d", "pde=poisson2d"]),
        ("python train.py method=fd method.st", ["method.step="]),
        ("python rfm_solve.py experiment=fig2", ["experiment=fig2a", "experiment=fig2c"]),
    ],
)
def test_a_shell_is_told_the_choices_and_keys(line, wanted, tmp_path, monkeypatch):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    done = run_here(line.split()[1], "-sc", "query=bash", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(wanted) <= set(done.stdout.split())
    assert list(tmp_path.iterdir()) == []


COMPLETED = """
eval "$(python train.py -sc install=bash)"
COMP_LINE="python train.py model=mlp model.d" COMP_WORDS=($COMP_LINE)
COMP_POINT=${#COMP_LINE} COMP_CWORD=3
hydra_bash_completion
echo "completed: ${COMPREPLY[*]}"
complete -r python
complete -p python 2>&1
"""


@pytest.mark.slow
def test_a_bash_completes_after_the_line_of_the_page(tmp_path):
    page = (ROOT / "docs" / "start.md").read_text()
    assert all(
        line in page for line in COMPLETED.splitlines() if line.startswith(("eval", "complete -r"))
    )
    done = shell(COMPLETED, copy_of_the_project(tmp_path / "project"))
    assert "completed: model.depth=\n" in done.stdout
    assert "no completion specification" in done.stdout


NOT_RUN = {
    r"^make (test|test-slow|format|lock|bench|bench-peers|paper|paper-docs|indicators|demo)\b": (
        "minutes, and `make` sets up an environment; what they run is run by itself"
    ),
    r"^pip install": "the environment of these tests is another",
    r"^sudo ": "installs daemons",
    r"^source ": "the environment of these tests is another",
    r"^pytest (?!-k helmholtz)": "the tests run by themselves",
    r"submitit_slurm|^srun |--nnodes=2": "needs a cluster",
    r"trainer.devices=2 *(#.*)?$": "needs two accelerators, or torchrun",
    r"hydra/launcher=joblib": "tests/test_launchers.py runs it where joblib is installed",
    r"experiment=indicators|-m pinnspectra\.(paper|indicators)": "make paper, make indicators",
    r"^wandb sync ": "needs an account",
    r"-m pinnspectra.dashboard": "needs an extra; tests/test_dashboard.py runs it",
    r"points.per_axis=512": "ten minutes; tests/test_distributed_runs.py runs a small one",
}
"""Commands that are checked and not run, and why."""

IN_PROCESS = ("core", "faq", "idea", "README")
"""Pages whose blocks of Python, or sessions, are run by tests of their own."""


@pytest.mark.slow
@EACH_PAGE
def test_commands_run_as_they_stand_and_print_what_is_shown_but_for_numbers(page, tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    for block in blocks(page):
        if block.file:
            (project / block.file).write_text(block.text)
    for block in blocks(page):
        for command, printed in typed(block):
            done = shell(command, project)
            said = done.stdout + done.stderr
            assert done.returncode == 0, f"{block}: {command}\n{said}"
            lines = {shape(line) for line in said.splitlines()}
            assert [line for line in printed.splitlines() if shape(line) not in lines] == [], said


def typed(block):
    """What a reader types of a block, with what the page shows for it."""
    if block.language == "bash":
        run = [c for c in block.commands if not any(re.search(p, c) for p in NOT_RUN)]
        return [(command, "") for command in run]
    if block.page.stem in IN_PROCESS or block.file:
        return []
    if block.language == "python":
        return [(f"python -c {shlex.quote(block.text)}", "")]
    return block.sessions if block.language == "console" else []


def shape(line):
    """A line with one sign for every number."""
    return " ".join(re.sub(r"-?\d[\d.]*(e[-+]\d+)?", "#", line).split())


def copy_of_the_project(place):
    """What is checked in, and new files."""
    left = (".*", "outputs", "wandb", "__pycache__", "*.egg-info")
    return shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*left))


def shell(command, cwd):
    """A command line as a user types it, with the environment active; the completed process."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "HYDRA"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(cwd / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env={**inherited, **own},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
