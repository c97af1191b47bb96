"""The edge between Hydra and the program.

Hydra composes and sweeps. script.py starts it and tells a mistake in one line (mistakes.py);
composing.py refuses what a configuration may not name. job.py runs one job in its folder, which
names.py names after all that decides its numbers, so that the same command finds its results;
resume.py repeats the command of a folder. settings.py is the schema, components.py builds the
objects, memory.py refuses sizes that cannot fit, slurm.py looks after a sweep's jobs in Slurm.
"""

from pinnspectra.command_line.configuration import composed, resolved
from pinnspectra.command_line.job import imports_are_done
from pinnspectra.command_line.script import SweepFolder, run
from pinnspectra.command_line.slurm import SlurmJobs

__all__ = ["SlurmJobs", "SweepFolder", "composed", "imports_are_done", "resolved", "run"]
