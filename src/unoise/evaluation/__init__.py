"""Evaluation: what is left of the segmentation when an importance map decides what stays visible."""
