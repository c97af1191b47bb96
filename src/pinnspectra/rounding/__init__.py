"""What of a spectrum is rounding: a law, exact counts, and emulation."""
