"""The record of a run: what was written is read back, and what is damaged is told, never raised."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from ensembles import EVERY, STEPS, metrics, spectra, write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import SMALL, run_folders, run_here

from pinnspectra.runs.files import FILES, read_arrays
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.found import run_at, versions_note
from pinnspectra.runs.record import Run, by_member


def write_all(folder):
    """Write a run of three members with all the files that a run can have."""
    write_run(folder, 3)
    run = RunFolder(folder, "p", "m", "h")
    run.write_arrays("spectrum.npz", singular_values=np.ones(3))
    solution = {"points": np.ones((4, 2)), "solution": np.ones((3, 4)), "exact": np.ones(4)}
    run.write_arrays("solution.npz", **solution)
    (folder / ".hydra" / "config.yaml").write_text("seed: 0\nprecision: float32\n")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_all(tmp_path / "run")


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


@pytest.mark.parametrize(
    ("size", "ended"), [(1, {}), (5, {2: 4}), (5, {4: 0}), (64, {3: 1, 60: 9})]
)
def test_metrics_and_spectra_are_read_back_by_member(tmp_path, size, ended):
    table = write_run(tmp_path, size, ended)
    run, arrays = run_at(tmp_path), spectra(table)
    assert_same(run.metrics, {"step": STEPS, **table})
    floor = arrays.pop("floor")
    wanted = arrays | {"floor": floor**2, "singular_value_floor": floor}
    assert_same(vars(run.spectra), wanted)
    assert run.damage == []


def test_what_is_known_of_a_run(folder):
    run = run_at(folder)
    assert (run.pde, run.method, run.status) == ("poisson1d", "fd", "finished")
    assert (run.precision, run.cutoff, run.reason) == ("float32", 1e-5, "")
    assert run.learning_rates == [1e-3] * 3
    assert [row["member"] for row in run.rows] == [0, 1, 2]
    assert run.solution.values.shape == (3, 4)
    assert run.solve.floor.size == 0
    (folder / "result.json").unlink()
    run = run_at(folder)
    assert (run.pde, run.method, run.status) == ("poisson1d", "fd", "unfinished")
    assert run.rows[2]["loss"] == metrics(3)["loss"][-1, 2]
    assert run.learning_rates == []


def test_values_that_are_not_of_their_kind_are_none(tmp_path):
    strange = {"loss": "x", "step": True, "seed": [1], "cutoff": float("inf"), "pde": 3}
    (row,) = Run(tmp_path, "", {**strange, "cutoff_below_precision": 1}).rows
    assert (row.pop("pde"), row.pop("member"), row.pop("run")) == ("3", 0, "")
    assert set(row.values()) == {None}


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(0, 6)), st.floats(allow_nan=False), min_size=1
    ),
    st.randoms(),
)
def test_every_row_is_found_at_its_step_and_member_and_nothing_else(rows, random):
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    step, member, loss = np.array([(*key, value) for key, value in shuffled], dtype=float).T
    found = by_member({"step": step, "member": member, "loss": loss}, 7)
    np.testing.assert_array_equal(found["step"], sorted({step for step, _ in rows}))
    assert found["loss"].shape == (len(found["step"]), 7)
    for (k, m), value in np.ndenumerate(found["loss"]):
        np.testing.assert_array_equal(value, rows.get((found["step"][k], m), np.nan))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("loss,step\n2.5,10\n1.5,0\n", {"step": [0, 10], "loss": [[1.5], [2.5]]}),
        ("loss,step\n1.5,0\n,10\n", {"step": [0, 10], "loss": [[1.5], [np.nan]]}),
        ("loss,step\n1.5,0\n1.25,1", {"step": [0], "loss": [[1.5]]}),  # was to be step 10
        *(
            (f"loss,member,step\n1.5,0,0\n2.5,{member},0\n", {"step": [0], "loss": [[1.5]]})
            for member in ("", "-1", "0.5", "1e300", "99999999999", "x")
        ),
        ("", {}),
    ],
)
def test_rows_that_are_whole_and_of_members_that_can_be_are_read(tmp_path, text, wanted):
    (tmp_path / "metrics.csv").write_text(text)
    run = run_at(tmp_path)
    assert_same(run.metrics, wanted)
    assert run.damage == []


def test_spectra_that_an_older_run_wrote_are_of_one_member(tmp_path):
    arrays = spectra(metrics(1))
    del arrays["floor"]
    old = {name: a if name == "steps" else a[:, 0] for name, a in arrays.items()}
    RunFolder(tmp_path, "p", "m", "h").write_arrays("spectra.npz", **old)
    found = vars(run_at(tmp_path).spectra)
    assert_same({name: found[name] for name in arrays}, arrays)
    assert np.isnan(found["floor"]).all()


def test_steps_at_which_no_member_has_a_spectrum_are_left_out(tmp_path):
    write_run(tmp_path, 3, {0: 5, 1: 3, 2: 1})
    assert run_at(tmp_path).spectra.steps.tolist() == STEPS[:5:EVERY].tolist()
    write_run(tmp_path / "at_once", 2, {0: 0, 1: 0})
    assert run_at(tmp_path / "at_once").spectra is None


@pytest.mark.parametrize("name", [*FILES])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1, {\n", b"PK\x03\x04 cut short\n"])
def test_each_damaged_file_is_one_line_that_names_it(folder, name, content):
    (folder / name).write_bytes(content)
    (line,) = run_at(folder).damage
    assert line.startswith(f"{folder / name} is damaged (")
    assert "run the same command again" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("result.json", "", "empty"),
        ("result.json", '{"a": 1,\n"b": nul', "line 2"),
        ("result.json", "[1]", "object"),
        ("result.json", '{"pde": "p", "status": "finished"}', "lacks method"),
        ("result.json", '{"pde": 1, "method": 1, "status": 1, "members": [3]}', "members"),
        ("result.json", "[" * 100_000, "recursion"),
        ("error.json", "3", "object"),
        ("metrics.csv", "a,b\n1,2\n", "step and loss"),
        (".hydra/config.yaml", "a: [", "YAML"),
        (".hydra/config.yaml", "", "mapping"),
        (".hydra/config.yaml", "a: &a {b: *a}", "ircular"),
        (".hydra/overrides.yaml", "a: 1", "list"),
    ],
)
def test_it_is_told_why_a_file_cannot_be_read(folder, name, content, why):
    (folder / name).write_text(content)
    (line,) = run_at(folder).damage
    assert why in line


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("spectra.npz", {"steps": np.arange(5)}, "fit"),
        ("spectra.npz", {"steps": None}, "lacks steps"),
        ("spectra.npz", {"eigenvalues": np.ones((6, 3, 0))}, "fit"),
        ("spectra.npz", {"eigenvalues": np.ones((6, 2, 12))}, "fit"),
        ("spectra.npz", {"truncated_entropy": np.ones(())}, "fit"),
        ("spectra.npz", {"singular_values": np.ones((6, 3, 12)) * 1j}, "real"),
        ("spectra.npz", {"floor": np.full((3, 12), "x")}, "real"),
        ("spectrum.npz", {"singular_values": np.array(["x"])}, "real"),
        ("spectrum.npz", {"singular_values": np.ones((3, 1))}, "fit"),
        ("spectrum.npz", {"singular_values": np.float64(1)}, "fit"),
        ("spectrum.npz", {"floor": np.ones(4)}, "fit"),
        ("spectrum.npz", {"truncation_position": np.arange(2)}, "fit"),
        ("spectrum.npz", {"relative_training_error": np.ones(1)}, "fit"),
        ("solution.npz", {"exact": np.ones(5)}, "fit"),
        ("solution.npz", {"solution": np.ones((3, 5))}, "fit"),
    ],
)
def test_arrays_that_make_no_sense_are_damage_and_none(folder, name, change, why):
    arrays = {k: v for k, v in (read_arrays(folder / name) | change).items() if v is not None}
    RunFolder(folder, "p", "m", "h").write_arrays(name, **arrays)
    run = run_at(folder)
    (line,) = run.damage
    assert why in line
    read = {"spectra.npz": run.spectra, "spectrum.npz": run.solve, "solution.npz": run.solution}
    assert [found for found, value in read.items() if value is None] == [name]


def test_a_shape_larger_than_the_memory_is_damage(folder):
    head = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(head, shape)
    with zipfile.ZipFile(folder / "spectrum.npz", "w") as archive:
        archive.writestr("singular_values.npy", head.getvalue())
    run = run_at(folder)
    assert run.solve is None
    assert len(run.damage) == 1


@pytest.mark.parametrize(("offset", "value"), [(8, 0x01), (10, 99)])  # encrypted; an unknown method
def test_an_archive_that_zipfile_refuses_is_damage(folder, offset, value):
    raw = bytearray((folder / "spectrum.npz").read_bytes())
    raw[raw.index(b"PK\x01\x02") + offset] = value
    (folder / "spectrum.npz").write_bytes(raw)
    run = run_at(folder)
    assert run.solve is None
    assert len(run.damage) == 1


@pytest.mark.parametrize("name", [*FILES])
@settings(max_examples=20)
@given(data=st.data())
def test_no_damage_is_an_error(tmp_path_factory, name, data):
    folder = write_all(tmp_path_factory.mktemp("damaged") / "run")
    (folder / name).touch()
    raw = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=4))
    (folder / name).write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    run = run_at(folder)
    assert {len(run.rows), len(run.losses[1].T)} <= {1, 3}
    assert len(run.damage) <= 1
    for attribute in ("config", "metrics", "spectra", "solve", "solution"):
        getattr(run, attribute)


def test_what_a_terminal_would_obey_is_not_told(folder):
    folder = folder.rename(folder.parent / "a\x1b[2Jb")
    (folder / "result.json").write_text("")
    (line,) = run_at(folder).damage
    assert line.isprintable()
    versions = ({"torch": "2.0"}, {"torch": "\x1b[2J"})
    results = [{"config_hash": "h", "versions": made} for made in versions]
    assert versions_note([Run(folder, "", result) for result in results]).isprintable()


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("{}")

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    lines = run_at(tmp_path).damage
    assert f"{path} cannot be read: Permission denied" in lines
    assert not any("remove" in line for line in lines)


COMMANDS = {
    "train.py": (*SMALL, "logger=[csv]"),
    "rfm_solve.py": ("model.width=10", "points.per_axis=16", "boundary_rows=true"),
}


@pytest.mark.slow
@pytest.mark.parametrize("script", [*COMMANDS])
def test_what_is_told_mends_a_file(tmp_path, script):
    assert run_here(script, *COMMANDS[script], cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path)
    for name in [name for name in FILES if (folder / name).exists()]:
        (folder / name).write_bytes(b"\xff\n")
        (line,) = run_at(folder).damage
        if "remove result.json" in line:
            (folder / "result.json").unlink()
        if "remove .hydra" in line:
            shutil.rmtree(folder / ".hydra")
        done = run_here(script, *COMMANDS[script], cwd=tmp_path)
        assert done.returncode == 0, (name, done.stderr)
        assert run_at(folder).damage == []
        assert (folder / name).exists()
