"""Statistics by patient: curves, areas, intervals, tests."""
