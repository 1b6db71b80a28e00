"""Targets: what is explained, and how well an obscured prediction still agrees with a reference."""
