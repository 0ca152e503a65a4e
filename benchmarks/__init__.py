"""Measurements: each script prints what it found and leaves it in `results/`."""
