"""Which parts of a scan did a segmentation network need? Learned noise masks, measured beside other explanations."""
