"""Networks: built from the config, stored and loaded with their card, and the segmenter that is explained."""

THRESHOLD = 0.5  # a voxel whose probability is above this is predicted
