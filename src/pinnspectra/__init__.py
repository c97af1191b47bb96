"""AD and FD in physics-informed networks, through the spectra of what training inverts."""
