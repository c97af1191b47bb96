"""Which process of a run this is, and what needs a starter."""

import pytest

from pinnspectra.runs.messages import SettingsError
from pinnspectra.runs.starters import RANKS, check_started, is_first, several

ALONE, TWO, NODES = {"devices": 1, "num_nodes": 1}, {"devices": 2}, {"devices": 2, "num_nodes": 3}


@pytest.fixture(autouse=True)
def _no_starter(monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", *(name for names in RANKS for name in names)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),  # torchrun on a second node
        ({"LOCAL_RANK": "1", "SLURM_PROCID": "0"}, False),  # Lightning in a Slurm allocation
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"SLURM_PROCID": "1"}, False),
        ({"SLURM_PROCID": "0"}, True),
    ],
)
def test_the_first_process_has_rank_0_whatever_started_it(monkeypatch, environment, first):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first(TWO) == is_first(NODES) == first
    assert is_first(ALONE)
    assert is_first({})


@pytest.mark.parametrize("trainer", [ALONE, {}, {"devices": "1"}, {"devices": [3]}])
def test_one_device_whichever_it_is_is_one_process(trainer):
    assert not several(trainer)
    check_started(trainer, sweeping=True)


@pytest.mark.parametrize("trainer", [TWO, NODES, {"devices": [0, 1]}, {"devices": "auto"}])
def test_others_are_several(trainer):
    assert several(trainer)


@pytest.mark.parametrize(
    ("trainer", "sweeping", "said"),
    [
        (TWO, True, "devices=2, trainer.num_nodes=1: a sweep needs a starter"),
        (NODES, False, "devices=2, trainer.num_nodes=3: a run on several nodes needs a starter"),
    ],
)
def test_what_one_command_cannot_start_is_refused_without_a_starter(
    monkeypatch, trainer, sweeping, said
):
    with pytest.raises(SettingsError, match=f"{said}: torchrun --nproc-per-node=2"):
        check_started(trainer, sweeping)
    monkeypatch.setenv("RANK", "1")
    check_started(trainer, sweeping)


def test_a_run_on_several_devices_of_one_node_needs_no_starter():
    check_started(TWO, sweeping=False)


def test_torchrun_starts_as_many_processes_as_are_asked_for_or_is_told(monkeypatch):
    variables = {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "3"}
    for name, value in {**variables, "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    check_started(NODES, sweeping=True)
    for trainer in (ALONE, TWO):
        with pytest.raises(SettingsError, match="torchrun started 2 processes on each of 3"):
            check_started(trainer, sweeping=False)
