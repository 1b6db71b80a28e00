"""Obscurers: what takes the place of a hidden voxel. One module each."""
