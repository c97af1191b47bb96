"""How the scripts start: the edge between Hydra and the program.

Hydra composes and sweeps. script.py starts it and says what went wrong in one line (mistakes.py);
job.py runs one job in its folder, which names.py names after what decides its numbers, so that the
same command finds what is done already; resume.py repeats the command of a folder. slurm.py is what
a sweep needs whose jobs Slurm runs.
"""

from pinnspectra.command_line.configuration import composed, resolved
from pinnspectra.command_line.job import imports_are_done
from pinnspectra.command_line.script import SweepFolder, run
from pinnspectra.command_line.slurm import SlurmJobs

__all__ = ["SlurmJobs", "SweepFolder", "composed", "imports_are_done", "resolved", "run"]
