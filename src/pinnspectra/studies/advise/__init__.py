"""Methods of differentiation compared on one network: errors, steps, times."""
