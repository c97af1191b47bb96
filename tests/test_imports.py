import json
import subprocess
import sys

from scripts import ROOT

SRC = ROOT / "src" / "pinnspectra"
EDGES = {
    "advice",
    "advise",
    "command_line",
    "components",
    "dashboard",
    "figures",
    "indicators",
    "keys",
    "memory",
    "paper",
    "report",
    "results",
    "run_folder",
    "settings",
    "starters",
    "targets",
    "training",
}
CORE = sorted({path.stem for path in SRC.glob("*.py")} - EDGES - {"__init__"})
PACKAGES = sorted({path.parent.name for path in SRC.glob("*/__init__.py")} - EDGES)
OTHERS = ["hydra", "omegaconf", "pytorch_lightning", "wandb", "matplotlib", "pydantic"]

PROGRAM = f"""
import importlib, json, pkgutil, sys
imported = ["pinnspectra." + name for name in {CORE + PACKAGES}]
for name in {PACKAGES}:
    package = importlib.import_module("pinnspectra." + name)
    imported += [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in imported:
    importlib.import_module(name)
print(json.dumps([imported, sorted(name.split(".")[0] for name in sys.modules)]))
"""


def test_the_numerical_core_needs_neither_the_entry_scripts_libraries_nor_lightning():
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported, loaded = json.loads(done.stdout)
    # both packages were walked, so that a new file is held to this as well
    assert {"pinnspectra.problems.poisson", "pinnspectra.differentiation.jet"} <= set(imported)
    assert {"pinnspectra.spectra.kernel", "pinnspectra.solvers.random_features"} <= set(imported)
    assert "torch" in loaded
    assert not set(OTHERS) & set(loaded)
