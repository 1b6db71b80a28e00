"""Names that mean something wherever they stand in configs and tables."""

CONTROL = "control-"  # how the name of an explainer begins that knows nothing of how the segmenter decides
ORIGINAL = "original"  # the judge that is the segmenter itself
UNITS = {2: "slice", 3: "volume"}  # what is obscured at once, by the dimensions of the segmenter's network
SEEN = {2: "slices", 3: "windows"}  # what a network is given
