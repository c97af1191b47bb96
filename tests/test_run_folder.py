"""Files that are whole or not there; hashes that mean the same run."""

import json

import pytest

from pinnspectra.runs.folder import RunFolder, config_hash, written_whole


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
    def hashed(width=3, logger="csv"):
        return config_hash({"model": {"width": width}, "logger": logger})

    assert hashed() == hashed(logger="wandb") == hashed(width=3.0)
    assert hashed() != hashed(width=4)
    assert hashed(width=[3.0, {"a": 1e3}]) == hashed(width=[3, {"a": 1000}])


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path):
    folder = RunFolder(tmp_path, "p", "m", "h")
    folder.write_result(loss=float("nan"), step=3, seed=0)
    result = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert (result["loss"], result["step"], result["seed"]) == (None, 3, 0)
    folder.write_json("a.json", [{"x": float("inf"), "y": True}])
    assert json.loads((tmp_path / "a.json").read_text()) == [{"x": None, "y": True}]


def test_a_folder_that_takes_no_file_is_told_with_the_name_of_the_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path / ".report.html.x7.partial"))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(PermissionError) as refused, written_whole(tmp_path / "report.html"):
        pass
    assert refused.value.filename == str(tmp_path / "report.html")
