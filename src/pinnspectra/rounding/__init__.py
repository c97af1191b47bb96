"""The rounding floor of a spectrum: by a statistical law, and by emulated arithmetic."""
