"""Pairs of runs that share all but their method, and what they show."""

import json

import numpy as np
import pytest
import yaml
from ensembles import write_run

from pinnspectra.commands.results import main
from pinnspectra.runs.files import read_json
from pinnspectra.runs.found import find_runs
from pinnspectra.runs.pairs import compared, method_pairs


def write(path, method, seed=0, size=1, ended=None, rates=(1e-3,), section=(), **config):
    """A run with a configuration; what it is called in a sweep."""
    overrides = [f"method={method}", f"seed={seed}", *(f"{k}={v}" for k, v in config.items())]
    write_run(path, size, ended, rates, method, seed, overrides)
    content = {"method": {"_target_": method, **dict(section)}, "seed": seed, "max_steps": 1000}
    (path / ".hydra" / "config.yaml").write_text(yaml.safe_dump(content | config))


def change(folder, **values):
    path = folder / "result.json"
    path.write_text(json.dumps(read_json(path) | values))


def test_runs_that_differ_in_the_method_alone_are_paired(tmp_path):
    write(tmp_path / "a", "ad")
    write(tmp_path / "b", "fd")
    write(tmp_path / "c", "fd", seed=1)  # another seed
    write(tmp_path / "d", "ad", width=9)  # another network
    write(tmp_path / "e", "fd_grid", logger="csv")  # no number depends on it
    found = method_pairs(find_runs(tmp_path))
    assert [(p.ad["run"], p.fd["run"], p.other) for p in found] == [
        ("a", "b", "fd"),
        ("a", "e", "fd_grid"),
    ]
    assert {p.reference for p in found} == {"ad"}


def test_without_ad_nested_autograd_is_what_others_are_compared_with(tmp_path):
    write(tmp_path / "a", "nested_autograd")
    write(tmp_path / "b", "fd")
    assert method_pairs(find_runs(tmp_path))[0].reference == "nested_autograd"
    write(tmp_path / "c", "ad")
    assert [p.other for p in method_pairs(find_runs(tmp_path))] == ["nested_autograd", "fd"]


def test_runs_of_methods_without_ad_and_without_configuration_are_no_pairs(tmp_path):
    write(tmp_path / "a", "fd")
    write(tmp_path / "b", "fd_grid")
    write_run(tmp_path / "c", method="ad")
    assert method_pairs(find_runs(tmp_path)) == []
    assert compared([]) == []


def test_of_the_same_run_in_two_folders_one_counts(tmp_path):
    for name, method in [("a", "ad"), ("b", "fd"), ("c", "ad"), ("d", "fd")]:
        write(tmp_path / name, method)
    (pair,) = method_pairs(find_runs(tmp_path))
    assert (pair.ad["run"], pair.fd["run"]) == ("c", "d")


def test_a_method_with_several_steps_is_named_by_its_step(tmp_path):
    write(tmp_path / "a", "ad")
    write(tmp_path / "b", "fd", section={"step": 0.1})
    write(tmp_path / "c", "fd", section={"step": 0.2})
    assert [p.other for p in method_pairs(find_runs(tmp_path))] == ["fd step=0.1", "fd step=0.2"]


def test_members_are_paired_by_number_and_grouped_by_learning_rate(tmp_path):
    write(tmp_path / "a", "ad", size=4, rates=(1e-3, 1e-4))
    write(tmp_path / "b", "fd", size=4, rates=(1e-3, 1e-4), ended={3: 5})
    found = method_pairs(find_runs(tmp_path))
    assert [(p.ad["member"], p.fd["member"]) for p in found] == [(i, i) for i in range(4)]
    fast, slow = compared(found)
    assert (fast.setting, slow.setting) == ("poisson1d lr=0.001", "poisson1d lr=0.0001")
    assert [(c.pairs, c.left_out) for c in (fast, slow)] == [(2, 0), (1, 1)]


def test_medians_and_ratios_are_those_of_the_invented_numbers(tmp_path):
    losses = {"ad": [1.0, 2.0, 4.0], "fd": [3.0, 2.0, 5.0]}
    for method, values in losses.items():
        for seed, loss in enumerate(values):
            write(tmp_path / f"{method}{seed}", method, seed)
            change(tmp_path / f"{method}{seed}", loss_interior_ad64=loss, effective_cutoff=None)
    change(tmp_path / "fd2", truncated_entropy=None)  # that pair has no entropy
    (found,) = compared(method_pairs(find_runs(tmp_path)))
    assert (found.setting, found.pairs, found.left_out) == ("poisson1d", 3, 0)
    true = found.values["loss_interior_ad64"]
    assert (true.ad, true.fd, true.ratio) == (2.0, 3.0, np.median([3, 1, 1.25]))
    assert "effective_cutoff" not in found.values
    assert found.values["truncated_entropy"].ratio == pytest.approx(1)


def test_many_settings_are_taken_together_by_problem(tmp_path):
    for width in range(3):
        for method in ("ad", "fd"):
            write(tmp_path / f"{method}{width}", method, width=width)
    settings = [c.setting for c in compared(method_pairs(find_runs(tmp_path)))]
    assert settings == [f"poisson1d width={width}" for width in range(3)]
    for method in ("ad", "fd"):
        write(tmp_path / f"{method}3", method, width=3)
    (found,) = compared(method_pairs(find_runs(tmp_path)))
    assert (found.setting, found.pairs) == ("poisson1d, 4 settings", 4)


def test_the_error_of_a_u_that_is_free_is_not_compared_and_in_no_answer(tmp_path, capsys):
    for name, method, rows in (("0", "ad", False), ("1", "fd", False), ("2", "fd", True)):
        write(tmp_path / name, method, boundary_rows=rows)
    (found,) = compared(method_pairs(find_runs(tmp_path)))
    assert "relative_l2_error" not in found.values
    assert "loss_interior_ad64" in found.values
    assert main([str(tmp_path), "--columns", "relative_l2_error"]) == 0
    shown = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:4]]
    assert [text == "-" for text in shown] == [True, True, False]
