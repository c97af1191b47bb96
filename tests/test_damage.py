"""What is said of a run's damaged files, and that what is said mends them."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from ensembles import write_run
from hypothesis import given
from hypothesis import strategies as st
from scripts import SMALL, run_folders, run_here

from pinnspectra.runs.files import FILES, load_arrays, read_arrays
from pinnspectra.runs.folder import RunFolder
from pinnspectra.runs.found import run_at, versions_note
from pinnspectra.runs.record import Run


def damage_in(folder):
    return run_at(folder).damage


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path / "run", 3)
    folder = RunFolder(tmp_path / "run", "p", "m", "h")
    folder.write_arrays("spectrum.npz", singular_values=np.ones(3))
    folder.write_arrays(
        "solution.npz", points=np.ones((4, 2)), solution=np.ones((3, 4)), exact=np.ones(4)
    )
    (folder.path / ".hydra" / "config.yaml").write_text("seed: 0\n")
    return folder.path


def test_a_whole_run_and_an_empty_folder_have_no_damage(run, tmp_path):
    assert damage_in(run) == []
    assert damage_in(tmp_path) == []
    (run / "metrics.csv").write_text("")  # a run that begins
    assert damage_in(run) == []
    (run / "metrics.csv").write_text("loss,step\n1.0,0\n0.5,1")  # or is killed while it writes
    assert damage_in(run) == []


@pytest.mark.parametrize("name", [*FILES])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1, {\n", b"PK\x03\x04 cut short\n"])
def test_each_damaged_file_is_one_line_that_names_it(run, name, content):
    (run / name).write_bytes(content)
    (line,) = damage_in(run)
    assert line.startswith(f"{run / name} is damaged (")
    assert "run the same command again" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("result.json", "", "it is empty"),
        ("result.json", '{"a": 1,\n"b": nul', "not JSON: line 2"),
        ("result.json", "[1]", "not a JSON object"),
        ("result.json", '{"pde": "p", "status": "finished"}', "it lacks method"),
        (
            "result.json",
            '{"pde": 1, "method": 1, "status": 1, "members": [3]}',
            "no list of results",
        ),
        ("result.json", "[" * 100_000, "recursion"),
        ("error.json", "3", "not a JSON object"),
        ("metrics.csv", "a,b\n1,2\n", "names no step and loss"),
        (".hydra/config.yaml", "a: [", "not YAML"),
        (".hydra/overrides.yaml", "a: 1", "not a list"),
    ],
)
def test_it_is_said_why_a_file_cannot_be_read(run, name, content, why):
    (run / name).write_text(content)
    (line,) = damage_in(run)
    assert why in line


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("spectra.npz", {"steps": np.arange(5)}, "do not fit together"),
        ("spectra.npz", {"steps": None}, "it lacks steps"),
        (
            "spectrum.npz",
            {"singular_values": np.array(["x"])},
            "is not of real numbers",
        ),
        ("spectrum.npz", {"singular_values": np.ones(3) * 1j}, "is not of real numbers"),
        ("spectrum.npz", {"singular_values": np.ones((3, 1))}, "do not fit together"),
        ("spectrum.npz", {"singular_values": np.float64(1)}, "do not fit together"),
        ("spectrum.npz", {"floor": np.ones(4)}, "do not fit together"),
        ("spectrum.npz", {"truncation_position": np.arange(2)}, "do not fit together"),
        ("spectrum.npz", {"relative_training_error": np.ones(1)}, "do not fit together"),
        ("spectra.npz", {"eigenvalues": np.ones((6, 3, 0))}, "do not fit together"),
        ("spectra.npz", {"singular_values": np.ones((6, 3, 12)) * 1j}, "is not of real numbers"),
        ("solution.npz", {"exact": np.ones(5)}, "do not fit together"),
        ("solution.npz", {"solution": np.ones((3, 5))}, "do not fit together"),
    ],
)
def test_arrays_that_can_be_read_and_make_no_sense(run, name, change, why):
    arrays = {k: v for k, v in (load_arrays(run / name) | change).items() if v is not None}
    RunFolder(run, "p", "m", "h").write_arrays(name, **arrays)
    (line,) = damage_in(run)
    assert why in line


def test_a_shape_larger_than_the_memory_is_damage(run):
    head = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(head, shape)
    with zipfile.ZipFile(run / "spectrum.npz", "w") as archive:
        archive.writestr("singular_values.npy", head.getvalue())
    assert read_arrays(run / "spectrum.npz") == {}
    (line,) = damage_in(run)
    assert "larger than the memory" in line


def test_what_a_terminal_would_obey_is_not_said(run):
    folder = run.rename(run.parent / "a\x1b[2Jb")
    (folder / "result.json").write_text("")
    (line,) = damage_in(folder)
    assert line.isprintable()
    versions = ({"torch": "2.0"}, {"torch": "\x1b[2J"})
    results = [{"config_hash": "h", "versions": made} for made in versions]
    note = versions_note([Run(folder, "", result) for result in results])
    assert note is not None
    assert note.isprintable()


@given(st.data())
def test_no_damage_to_arrays_is_an_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    RunFolder(folder, "p", "m", "h").write_arrays("a.npz", x=np.arange(9.0), y=np.eye(2))
    raw = bytearray((folder / "a.npz").read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    (folder / "a.npz").write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    assert read_arrays(folder / "a.npz").keys() <= {"x", "y"}


@pytest.mark.parametrize(("offset", "value"), [(8, 0x01), (10, 99)])  # encrypted; an unknown method
def test_an_archive_that_zipfile_refuses_is_damaged_too(run, offset, value):
    raw = bytearray((run / "spectrum.npz").read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[central + offset] = value
    (run / "spectrum.npz").write_bytes(raw)
    assert read_arrays(run / "spectrum.npz") == {}
    (line,) = damage_in(run)
    assert "spectrum.npz is damaged" in line


COMMANDS = {
    "train.py": (*SMALL, "logger=[csv]"),
    "rfm_solve.py": ("model.width=10", "points.per_axis=16", "boundary_rows=true"),
}


@pytest.mark.slow
@pytest.mark.parametrize("script", [*COMMANDS])
def test_what_is_said_mends_a_file(tmp_path, script):
    assert run_here(script, *COMMANDS[script], cwd=tmp_path).returncode == 0
    (run,) = run_folders(tmp_path)
    for name in [name for name in FILES if (run / name).exists()]:
        (run / name).write_bytes(b"\xff\n")
        (line,) = damage_in(run)
        if "remove result.json" in line:
            (run / "result.json").unlink()
        if "remove .hydra" in line:
            shutil.rmtree(run / ".hydra")
        done = run_here(script, *COMMANDS[script], cwd=tmp_path)
        assert done.returncode == 0, (name, done.stderr)
        assert damage_in(run) == []
        assert (run / name).exists()


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("{}")

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    lines = damage_in(tmp_path)
    assert f"{path} cannot be read: Permission denied" in lines
    assert not any("remove" in line for line in lines)
