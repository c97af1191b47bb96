"""Files that are whole or not there; hashes that mean the same run."""

import json

import numpy as np
import pytest

from pinnspectra.run_folder import RunFolder, config_hash, read_arrays, read_metrics, written_whole


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def half_a_write():
        with written_whole(path) as file:
            file.write(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_a_write()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_the_hash_is_of_the_settings_that_decide_the_numbers():
    def config(width=3, logger="csv"):
        return {"model": {"width": width}, "logger": logger}

    assert config_hash(config()) == config_hash(config(logger="wandb"))
    assert config_hash(config()) != config_hash(config(width=4))


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path):
    RunFolder(tmp_path, "p", "m", "h").write_result(loss=float("nan"), step=3, seed=0)
    result = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert (result["loss"], result["step"], result["seed"]) == (None, 3, 0)


def test_arrays_and_metrics_are_read_back(tmp_path):
    RunFolder(tmp_path, "p", "m", "h").write_arrays("a.npz", x=np.arange(3.0))
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npz")["x"], [0, 1, 2])
    (tmp_path / "metrics.csv").write_text("loss,step\n1.5,0\n,10\n")
    metrics = read_metrics(tmp_path / "metrics.csv")
    np.testing.assert_array_equal(metrics["loss"], [1.5, np.nan])
    assert read_metrics(tmp_path / "none.csv") == {}
    assert read_arrays(tmp_path / "none.npz") == {}


def test_a_figure_that_fails_is_said_and_stops_nothing(tmp_path, caplog):
    def broken():
        raise RuntimeError("no canvas")

    RunFolder(tmp_path, "p", "m", "h").draw("loss", broken)
    assert "figures/loss.png could not be drawn: no canvas" in caplog.text
