"""Volumes: made, listed, read, preprocessed, cut into units."""
