"""The pages are right: their commands run, their links lead somewhere, their keys exist."""

import json
import os
import re
import shlex
import shutil
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from pages import LINK, PAGES, anchors, blocks, without_blocks, words
from scripts import ROOT, SMALL, composed, run_folders, run_here, run_process

from pinnspectra.command_line import keys
from pinnspectra.command_line.settings import RandomFeatureSettings, TrainSettings

SCRIPTS = {"train.py": "train", "rfm_solve.py": "rfm_solve", "pinnspectra.advise": "advise"}
"""The configuration of each script."""

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

REFUSED = {
    command
    for block in blocks(ROOT / "docs" / "faq.md", "console")
    for command, printed in block.sessions
    if "error" in printed
}
"""Commands of which the page says that they are refused (tests/test_docs_faq.py)."""

OF_THE_SHELL = {"source", "eval", "cd", "ls", "export", "sudo", "tmux", "wandb"}


def test_the_page_of_keys_is_the_one_that_is_printed_and_has_all():
    assert (ROOT / "docs" / "keys.md").read_text() == keys.page(), "make docs"
    groups = {path.parent.name for path in (ROOT / "conf").glob("*/*.yaml")}
    assert {*keys.GROUPS, "experiment"} == groups
    for schema in (TrainSettings, RandomFeatureSettings):
        assert all(field.get("description") for _, field in keys.keys(schema))


@EACH_PAGE
def test_links_lead_to_files_and_headings(page):
    for link in LINK.findall(without_blocks(page)):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@EACH_PAGE
def test_files_that_are_named_are_there_and_blocks_say_their_language(page):
    text, fenced = without_blocks(page), blocks(page)
    made = ("outputs/", "figures/", "wandb/", "checkpoints/", "tests/x")
    for name in re.findall(r"`((?:src|conf|docs|tests|benchmarks|examples)/[\w./-]+)`", text):
        own = {block.file for block in fenced}
        assert (ROOT / name).exists() or name in own or name.startswith(made), name
    assert {b.language for b in fenced} <= {"bash", "console", "python", "text", "yaml"}
    indented = re.findall(r"(?:\A|\n)\n(    .+)", text)
    assert [line for line in indented if not re.match(r"\s+[-*\d]", line)] == []


@EACH_PAGE
def test_commands_are_accepted(page, tmp_path):
    own = [block for block in blocks(page, "yaml") if block.file]
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf") if own else ROOT / "conf"
    for block in own:
        (tmp_path / block.file).write_text(block.text)
    for block in blocks(page, "bash", "console"):
        for command in block.commands:
            if command not in REFUSED:
                accept(words(command), str(block), conf)


@cache
def check_job(script, given, conf):
    """The last job of a command has no mistake that the schema finds."""
    parsed = OverridesParser.create().parse_overrides(list(given))
    last = [
        f"{o.get_key_element()}={list(o.sweep_string_iterator())[-1]}"
        if o.is_sweep_override()
        else text
        for o, text in zip(parsed, given, strict=True)
    ]
    composed(SCRIPTS[script], *last, conf=conf)


def accept(command, place, conf):
    """Check a command without running it: what it names exists, its keys and values are allowed."""
    while "=" in command[0] or command[0] in ("nice", "sudo"):
        command = command[1:]
    script = next((word for word in command if word in SCRIPTS), None)
    first, *others = command
    if script is not None:
        given = [a for a in others if "=" in a and not a.startswith(("-", "hydra", "resume="))]
        check_job(script, tuple(given), conf)
    elif command[:2] == ["python", "-m"]:
        module = find_spec(command[2])
        source = Path(module.origin).read_text() if module and module.origin else ""
        assert source, (place, command)
        flags = [word for word in others if word.startswith("--")]
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
    for code, printed in lines:
        e, H = eval(code, names)
        assert f"{int(e)}, {float(H):.2g}" == printed


@pytest.mark.slow
def test_the_page_of_results_names_all_that_runs_leave(tmp_path):
    page = without_blocks(ROOT / "docs" / "results.md")
    named = set(re.findall(r"`([^`]+)`", page))
    small = ("-m", "method=ad,fd", "model.width=10", "points.per_axis=16")
    for script, *more in (("train.py", *SMALL, "logger=[csv]"), ("rfm_solve.py",)):
        given = (*more, "boundary_rows=true") if script == "rfm_solve.py" else more
        assert run_here(script, *small, *given, cwd=tmp_path).returncode == 0
    figures = set(re.findall(r"`(\w+)`", page[page.index("## Figures") :]))
    assert {path.stem for path in tmp_path.rglob("*.png")} == figures
    folders = run_folders(tmp_path)
    assert len(folders) == 4
    for folder in folders:
        assert {path.name + "/" * path.is_dir() for path in folder.iterdir()} <= named
        assert set(json.loads((folder / "result.json").read_text())) <= named
        for path in folder.glob("*.npz"):
            assert set(np.load(path)) <= named, path
    columns = (folders[0] / "metrics.csv").read_text().split("\n")[0].split(",")
    assert set(columns) <= named


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("python train.py method=fd method.st", ["method.step="]),
        ("python train.py model=mlp model.d", ["model.depth="]),
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


NOT_RUN = "|".join(
    [
        # minutes, or other environments
        r"^make (test|test-slow|format|lock|bench|bench-peers|paper|paper-docs|indicators|demo)\b",
        r"^(pip install|sudo|source) ",
        r"experiment=indicators|-m pinnspectra\.(paper|indicators)|points.per_axis=512",
        r"^pytest (?!-k helmholtz)",
        # a cluster, accelerators, an account, an extra, of which tests of their own try a part
        r"submitit_slurm|^srun |--nnodes=2|trainer.devices=2 *(#.*)?$|hydra/launcher=joblib",
        r"^wandb sync |-m pinnspectra.dashboard",
    ]
)
"""Commands that are checked and not run."""

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
            output = done.stdout + done.stderr
            assert done.returncode == 0, f"{block}: {command}\n{output}"
            lines = {shape(line) for line in output.splitlines()}
            assert [line for line in printed.splitlines() if shape(line) not in lines] == [], output


def typed(block):
    """The commands that a reader types of a block, each with the output on the page."""
    if block.language == "bash":
        return [(command, "") for command in block.commands if not re.search(NOT_RUN, command)]
    if block.page.stem in IN_PROCESS or block.file:
        return []
    if block.language == "python":
        return [(f"python -c {shlex.quote(block.text)}", "")]
    return block.sessions if block.language == "console" else []


def shape(line):
    """A line with one sign for every number."""
    return " ".join(re.sub(r"-?\d[\d.]*(e[-+]\d+)?", "#", line).split())


def copy_of_the_project(place):
    """A copy of what is checked in, and new files."""
    left = (".*", "outputs", "wandb", "__pycache__", "*.egg-info")
    return shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*left))


def shell(command, cwd):
    """Run a command line as a user types it, with the environment active."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "PYTHONPATH": str(cwd / "src")}
    return run_process("bash", "-c", command, cwd=cwd, timeout=600, **own)


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
    lines = [line for line in COMPLETED.splitlines() if line.startswith(("eval", "complete -r"))]
    assert all(line in (ROOT / "docs" / "start.md").read_text() for line in lines)
    done = shell(COMPLETED, copy_of_the_project(tmp_path / "project"))
    assert "completed: model.depth=\n" in done.stdout
    assert "no completion specification" in done.stdout
