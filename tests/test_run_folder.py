"""Files that are whole or not there; hashes that mean the same run."""

import json

import numpy as np
import pytest
from ensembles import STEPS, metrics, metrics_csv, spectra, write_run
from hypothesis import given
from hypothesis import strategies as st

from pinnspectra.runs.folder import RunFolder, config_hash, written_whole
from pinnspectra.runs.record import by_member, read_arrays, read_metrics, read_spectra
from pinnspectra.show.figures.of_runs import draw


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
    assert config_hash(config(width=3.0)) == config_hash(config())
    assert config_hash(config(width=[3.0, {"a": 1e3}])) == config_hash(
        config(width=[3, {"a": 1000}])
    )


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path):
    RunFolder(tmp_path, "p", "m", "h").write_result(loss=float("nan"), step=3, seed=0)
    result = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert (result["loss"], result["step"], result["seed"]) == (None, 3, 0)
    RunFolder(tmp_path, "p", "m", "h").write_json("a.json", [{"x": float("inf"), "y": True}])
    assert json.loads((tmp_path / "a.json").read_text()) == [{"x": None, "y": True}]


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

    draw(tmp_path / "figures" / "loss.png", broken)
    assert "figures/loss.png could not be drawn: no canvas" in caplog.text


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize(("size", "ended"), [(1, {}), (5, {2: 4}), (64, {3: 1, 60: 9})])
def test_metrics_and_spectra_are_read_back_by_member(tmp_path, size, ended):
    table = write_run(tmp_path, size, ended)
    found = by_member(read_metrics(tmp_path / "metrics.csv"))
    assert_same(found, {"step": STEPS, **table})
    assert_same(read_spectra(tmp_path / "spectra.npz"), spectra(table))


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(0, 6)), st.floats(allow_nan=False), min_size=1
    ),
    st.randoms(),
)
def test_every_row_is_found_at_its_step_and_member_and_nothing_else(rows, random):
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    columns = [(*key, value) for key, value in shuffled]
    step, member, loss = np.array(columns, dtype=float).T
    found = by_member({"step": step, "member": member, "loss": loss}, 7)
    np.testing.assert_array_equal(found["step"], sorted({step for step, _ in rows}))
    assert found["loss"].shape == (len(found["step"]), 7)
    for (k, m), value in np.ndenumerate(found["loss"]):
        wanted = rows.get((found["step"][k], m), np.nan)
        np.testing.assert_array_equal(value, wanted)


def test_a_member_that_never_had_a_row_is_there_where_the_size_is_known(tmp_path):
    table = write_run(tmp_path, 5, {4: 0})
    columns = read_metrics(tmp_path / "metrics.csv")
    assert by_member(columns)["loss"].shape == (len(STEPS), 4)
    assert_same(by_member(columns, 5), {"step": STEPS, **table})
    assert read_spectra(tmp_path / "spectra.npz")["eigenvalues"].shape[:2] == (6, 5)


def test_metrics_without_the_column_member_are_of_one_member(tmp_path):
    (tmp_path / "metrics.csv").write_text("loss,step\n2.5,10\n1.5,0\n")
    found = by_member(read_metrics(tmp_path / "metrics.csv"))
    assert_same(found, {"step": [0, 10], "loss": [[1.5], [2.5]]})


def test_a_row_whose_end_is_missing_is_left_out(tmp_path):
    (tmp_path / "metrics.csv").write_text("loss,member,step\n1.5,0,0\n1.5,1,0\n1.25,0,1")
    assert read_metrics(tmp_path / "metrics.csv")["step"].tolist() == [0, 0]  # not of step 10


@pytest.mark.parametrize("member", ["", "-1", "0.5", "1e300", "99999999999", "x"])
def test_rows_of_a_member_that_cannot_be_are_left_out(tmp_path, member):
    (tmp_path / "metrics.csv").write_text(f"loss,member,step\n1.5,0,0\n2.5,{member},0\n")
    found = by_member(read_metrics(tmp_path / "metrics.csv"))
    assert_same(found, {"step": [0], "loss": [[1.5]]})


@given(st.data())
def test_no_damage_to_a_metrics_file_is_an_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "metrics.csv"
    text = bytearray(metrics_csv(metrics(3)).encode()[:1500])
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=4))
    path.write_bytes(text)
    found = by_member(read_metrics(path))
    assert all(values.shape[0] == len(found["step"]) for values in found.values())


def test_spectra_that_an_older_run_wrote_are_of_one_member(tmp_path):
    arrays = spectra(metrics(1))
    floor = arrays.pop("floor")  # which an older run did not write
    old = {name: a if name == "steps" else a[:, 0] for name, a in arrays.items()}
    RunFolder(tmp_path, "p", "m", "h").write_arrays("spectra.npz", **old)
    assert_same(read_spectra(tmp_path / "spectra.npz"), arrays | {"floor": floor * np.nan})


def test_steps_at_which_no_member_has_a_spectrum_are_left_out(tmp_path):
    write_run(tmp_path, 3, {0: 5, 1: 3, 2: 1})
    assert read_spectra(tmp_path / "spectra.npz")["steps"].tolist() == [0, 200, 400]
    write_run(tmp_path / "at_once", 2, {0: 0, 1: 0})
    assert read_spectra(tmp_path / "at_once" / "spectra.npz") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"steps": np.arange(5)},
        {"eigenvalues": np.zeros((6, 2, 12))},
        {"truncated_entropy": np.zeros(())},
        {"truncated_entropy": np.full((6, 3), "x")},
        {"floor": np.full((3, 12), "x")},
    ],
)
def test_spectra_that_do_not_agree_are_none(tmp_path, change):
    folder = RunFolder(tmp_path, "p", "m", "h")
    folder.write_arrays("spectra.npz", **(spectra(metrics(3)) | change))
    assert read_spectra(tmp_path / "spectra.npz") == {}
    folder.write_arrays("spectra.npz", steps=np.arange(6))
    assert read_spectra(tmp_path / "spectra.npz") == {}


def test_a_folder_that_takes_no_file_is_told_with_the_name_of_the_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(tmp_path / ".report.html.x7.partial"))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(PermissionError) as refused, written_whole(tmp_path / "report.html"):
        pass
    assert refused.value.filename == str(tmp_path / "report.html")
