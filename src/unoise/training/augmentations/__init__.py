"""Augmentations of training slices. One module each."""
