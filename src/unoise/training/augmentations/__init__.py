"""Augmentations of training slices or patches. One module each."""
