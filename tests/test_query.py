"""Rows that are asked for: --where, --sort, --columns."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from ensembles import metrics, write_run

from pinnspectra.commands.results import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run by AD, an ensemble by FD with a diverged member, and one that is not finished."""
    folder = tmp_path_factory.mktemp("made")
    write_run(folder / "0", method="ad")
    write_run(folder / "1", 4, {2: 5}, (1e-3, 1e-4), "fd", seed=3)
    write_run(folder / "2", method="fd")
    (folder / "2" / "result.json").unlink()
    (folder / "0" / ".hydra" / "config.yaml").write_text("model: {width: 100}\n")
    (folder / "1" / ".hydra" / "config.yaml").write_text("model: {width: 20}\n")
    return folder


def asked(capsys, folder, *arguments):
    """Exit code, the table's rows by heading, and the last line."""
    code = main([str(folder), *arguments])
    *lines, last = capsys.readouterr().out.splitlines()
    head, *rows = [line.split() for line in lines if line] or [[]]
    return code, [dict(zip(head, row, strict=True)) for row in rows], last


def test_members_are_chosen_one_by_one_and_counted(made, capsys):
    code, rows, last = asked(capsys, made, "--where", "method=fd", "--where", "status=finished")
    assert (code, last) == (0, "3 of 6 rows")
    assert [(row["run"], row["member"]) for row in rows] == [("1", "0"), ("1", "1"), ("1", "3")]


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("seed=4", ["1"]),
        ("seed!=4", ["0", "2", "3"]),
        ("seed<4", ["0"]),
        ("seed<=4", ["0", "1"]),
        ("seed>4", ["2", "3"]),
        ("seed >= 5", ["2", "3"]),
        ("lr=1e-4", ["2", "3"]),
        ("learning_rate=0.00010", ["2", "3"]),
        ("status=Diverged", ["2"]),
        ("true=-", ["2"]),
        ("true!=-", ["0", "1", "3"]),
        ("true>0", ["0", "1", "3"]),
        ("model.width=20", ["0", "1", "2", "3"]),
        ("model.width<20", []),
    ],
)
def test_conditions(made, capsys, condition, members):
    _, rows, last = asked(capsys, made, "--where", "run=1", "--where", condition)
    assert [row["member"] for row in rows] == members
    assert last == f"{len(members)} of 6 rows"


@pytest.mark.parametrize("arguments", [["loss"], ["-loss"], ["loss", "--reverse"]])
def test_rows_are_sorted_and_those_without_the_value_come_last(made, capsys, arguments):
    _, rows, _ = asked(capsys, made, "--sort", *arguments)
    *having, last = [row["loss"] for row in rows]
    assert last == "-"
    values = [float(value) for value in having]
    assert values == sorted(values, reverse=arguments != ["loss"])
    assert len(set(values)) > 2


def test_the_columns_that_are_named_are_shown(made, capsys):
    _, rows, _ = asked(capsys, made, "--columns", "H,model.width", "--sort", "model.width")
    assert [list(row) for row in rows] == [["run", "H", "model.width"]] * 6
    assert [row["model.width"] for row in rows] == ["20"] * 4 + ["100", "-"]
    entropy = metrics(4)["spectrum/truncated_entropy"][-1]
    assert rows[0]["H"] == f"{entropy[0]:.4f}"


def test_what_is_asked_for_is_shown_on_a_narrow_terminal(made, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    _, rows, _ = asked(capsys, made, "--sort", "steps_per_second", "--where", "loss_boundary>0")
    assert {"steps/s", "boundary"} <= rows[0].keys()
    assert "L2_error" not in rows[0]


def test_nothing_is_written(made, tmp_path, capsys):
    shutil.copytree(made, tmp_path / "copy")
    before = sorted(path.name for path in (tmp_path / "copy").rglob("*"))
    assert main([str(tmp_path / "copy"), "--sort", "loss"]) == 0
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sort", "truncated_entropi"], ["truncated_entropi", "truncated_entropy?"]),
        (["--where", "modle.width=3"], ["modle.width", "model.width?"]),
        (["--where", "zzz=1"], ["zzz", "relative_l2_error", "wall_seconds", "configuration"]),
        (["--columns", "run,zzz"], ["--columns", "zzz"]),
        (["--where", "method"], ["--where method", "COLUMN=VALUE", "<="]),
        (["--where", "loss<low"], ["low"]),
        (["--where", "loss<"], ["loss<"]),
        (["--sort"], ["--sort", "--help"]),
        (["--sorted", "x"], ["--sorted", "--help"]),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(made, capsys, arguments, words):
    assert main([str(made), *arguments]) == 1
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert all(word in line for word in words)
    assert said.out == ""


def test_damage_is_said_and_rows_that_have_values_of_another_kind_are_shown(made, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(made, folder)
    path = folder / "0" / "result.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"pde": "text\n\x1b[31mlines", "seed": [1]})
    )
    (folder / "1" / "spectra.npz").write_bytes(b"")
    assert main([str(folder), "--sort", "loss"]) == 1
    said = capsys.readouterr()
    assert "6 of 6 rows" in said.out
    assert "text ?[31mlines" in said.out  # nothing that a terminal obeys
    (line,) = said.err.splitlines()
    assert "1/spectra.npz is damaged" in line


def test_a_reader_that_goes_early_is_no_mistake(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    command = [sys.executable, "-m", "pinnspectra.results", str(tmp_path / "copy"), "--sort=loss"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
