"""Which process of a run this is, and what needs a starter."""

import pytest

from pinnspectra.settings import SettingsError
from pinnspectra.starters import RANKS, check_started, is_first

ALONE, TWO, NODES = {"devices": 1, "num_nodes": 1}, {"devices": 2}, {"devices": 2, "num_nodes": 3}


@pytest.fixture(autouse=True)
def _no_starter(monkeypatch):
    for names in RANKS:
        for name in names:
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


@pytest.mark.parametrize(
    ("trainer", "sweeping", "said"),
    [
        (TWO, True, "trainer.devices=2: a sweep needs a starter"),
        (NODES, False, "trainer.num_nodes=3: a run on several nodes needs a starter"),
    ],
)
def test_what_one_command_cannot_start_is_refused_without_a_starter(
    monkeypatch, trainer, sweeping, said
):
    with pytest.raises(SettingsError, match=f"{said}.*torchrun --nproc-per-node=2"):
        check_started(trainer, sweeping)
    monkeypatch.setenv("RANK", "1")
    check_started(trainer, sweeping)


@pytest.mark.parametrize(("trainer", "sweeping"), [(ALONE, True), ({}, True), (TWO, False)])
def test_what_one_command_can_start_is_not_refused(trainer, sweeping):
    check_started(trainer, sweeping)
