"""AD and FD in physics-informed networks, through the spectra of what training inverts."""

from pathlib import Path

__path__.append(str(Path(__file__).with_name("commands")))  # python -m pinnspectra.report DIR
