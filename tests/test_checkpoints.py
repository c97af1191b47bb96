"""Checkpoints that are damaged, foreign or hostile: refused in one line, and nothing executed."""

import json
import os
import random
import shutil

import pytest
import torch
from scripts import SMALL, run_folders, run_here

from pinnspectra.training.checkpoints import CheckpointError, last_whole, read, step_of

RUN = (*SMALL, "max_steps=60", "checkpoint.every=20", "logger=[csv]", "callbacks=[]")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a whole run, with checkpoints of steps 40 and 60."""
    cwd = tmp_path_factory.mktemp("run")
    assert run_here("train.py", *RUN, cwd=cwd).returncode == 0
    (folder,) = run_folders(cwd)
    return folder


@pytest.fixture
def folder(run, tmp_path):
    """A copy of its checkpoints, and the hash of its configuration."""
    shutil.copytree(run / "checkpoints", tmp_path / "checkpoints")
    return tmp_path / "checkpoints", json.loads((run / "result.json").read_text())["config_hash"]


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_the_last_two_are_kept_and_the_last_is_found(folder):
    path, hash_ = folder
    assert sorted(p.name for p in path.iterdir()) == ["step=40.ckpt", "step=60.ckpt"]
    assert last_whole(path, hash_) == (path / "step=60.ckpt", 60)
    assert last_whole(path / "none", hash_) is None


def test_a_file_that_is_cut_short_is_refused_and_the_one_before_it_used(folder, caplog):
    path, hash_ = folder
    last = path / "step=60.ckpt"
    whole = last.read_bytes()
    lengths = [*range(0, len(whole), len(whole) // 60), len(whole) - 1]
    for length in lengths:
        last.write_bytes(whole[:length])
        caplog.clear()
        assert last_whole(path, hash_) == (path / "step=40.ckpt", 40)
        assert caplog.text.count("\n") == 1
        assert "step=60.ckpt is not used: " in caplog.text


def test_no_bit_that_is_flipped_changes_what_is_read(folder):
    path, _ = folder
    last = path / "step=60.ckpt"
    whole, wanted, generator = last.read_bytes(), read(last), random.Random(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(whole)
        at = generator.randrange(len(whole) * 8)
        changed[at // 8] ^= 1 << at % 8
        last.write_bytes(changed)
        try:
            assert same(read(last), wanted)  # a bit that nothing depends on, as of a date
        except CheckpointError:
            refused += 1
    assert refused > 100


def test_one_of_another_configuration_or_under_another_name_is_refused(folder, caplog):
    path, hash_ = folder
    assert last_whole(path, "0" * 16) is None
    assert caplog.text.count("it is of another configuration") == 2
    shutil.copy(path / "step=40.ckpt", path / "step=80.ckpt")
    assert last_whole(path, hash_) == (path / "step=60.ckpt", 60)
    assert "step=80.ckpt is not used: it is of another gradient step than its name" in caplog.text


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_in_a_checkpoint_is_executed(folder, tmp_path, caplog):
    path, hash_ = folder
    values = {"config_hash": hash_, "gradient_step": 70, "hostile": Hostile(tmp_path / "executed")}
    torch.save(values, path / "step=70.ckpt")
    assert last_whole(path, hash_) == (path / "step=60.ckpt", 60)
    assert "step=70.ckpt is not used: it cannot be read: " in caplog.text
    assert not (tmp_path / "executed").exists()
    torch.save([1, 2], path / "step=70.ckpt")
    assert last_whole(path, hash_) == (path / "step=60.ckpt", 60)


@pytest.mark.parametrize(
    ("name", "step"),
    [("step=5.ckpt", 5), ("step=-5.ckpt", -1), ("step=5.ckpt.tmp", -1), ("last.ckpt", -1)],
)
def test_only_names_of_steps_are_checkpoints(tmp_path, name, step):
    assert step_of(tmp_path / name) == step


def test_a_run_goes_on_from_the_one_before_a_damaged_one_and_says_so_once(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    (folder / "result.json").unlink()
    last = folder / "checkpoints" / "step=60.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    done = run_here("train.py", *RUN, f"hydra.run.dir={folder}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("step=60.ckpt is not used") == 1
    for name in ("metrics.csv", "checkpoints/step=40.ckpt"):
        assert (folder / name).read_bytes() == (run / name).read_bytes()
    assert same(read(last)["state_dict"], read(run / "checkpoints" / "step=60.ckpt")["state_dict"])


def test_a_checkpoint_holds_the_dtype_that_is_trained_in(run):
    dtypes = {
        value.dtype for value in read(run / "checkpoints" / "step=60.ckpt")["state_dict"].values()
    }
    assert dtypes == {torch.float32}
