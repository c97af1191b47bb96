"""Names of folders that are made of overrides stay in the folder that they are made for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import run_here

from pinnspectra.command_line.names import folder_name

PARTS = st.sampled_from(
    ["..", "/", "\\", ".", "~", "\0", "\n", "\x1b[2J", " ", "_", "=", ",", "é", "日", "\ud800", "A",
     "a", "x" * 300, "CON", "-m", "${now:%Y}", "%2e%2e", "\u202e", "\uff0f", "pde=poisson2d"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PARTS, max_size=8).map("".join))


@given(st.lists(TEXTS, min_size=1, max_size=20, unique=True))
def test_texts_become_components_of_a_path_that_differ_as_they_do(texts):
    names = [folder_name(text) for text in texts]
    assert all(re.fullmatch(r"[A-Za-z0-9=,.+_-]{1,120}", name) for name in names)
    assert all(name.strip(".") for name in names)
    assert len(set(names)) == len(texts)
    assert names == [folder_name(text) for text in texts]


@pytest.mark.parametrize("text", ["../../../../out", "/etc", "x" * 300, "\x1b[2J\x07"])
def test_a_run_with_strange_overrides_leaves_its_working_folder_alone(tmp_path, text):
    cwd = tmp_path / "a" / "b" / "c"
    cwd.mkdir(parents=True)
    sweep = ("rfm_solve.py", "-m", "seed=0", f"+{'k' * 20}='{text}'", "model.width=5")
    assert run_here(*sweep, cwd=cwd).returncode == 1
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c"]
    assert len(list(cwd.glob("outputs/rfm_solve_sweep/*/*/error.json"))) == 1


@pytest.mark.parametrize("place", ["../mine", "deep/er/mine", "mi ne", "日本"])
def test_a_folder_that_the_user_names_is_theirs_to_choose(tmp_path, place):
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    run = ("model.width=5", "points.per_axis=10", f"hydra.run.dir='{place}'")
    assert run_here("rfm_solve.py", *run, cwd=cwd).returncode == 0
    assert (cwd / place / "result.json").exists()
