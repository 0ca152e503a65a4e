"""Long campaigns against the package: more inputs than a test suite has time for. Results are kept in `results/`."""
