"""Networks: built from the config, stored and loaded with their card, and the segmenter that is explained."""
