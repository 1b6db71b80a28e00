"""Tables of experiments in which it is known what the segmenter needs."""

import pyarrow as pa

from unoise.tables.columns import REAL, TEXT, field, key

TRUTH = pa.schema(
    [
        *key("model", "target", "explainer", "patient"),
        field("hit", REAL, "share of the units whose most important voxel is needed", "1"),
        field("mass", REAL, "share of the map, above its smallest value, that lies where it is needed", "1"),
        field("average_precision", REAL, "of the voxels in descending importance, for those that are needed", "1"),
    ]
)

INTERVENTIONS = pa.schema(
    [
        *key("model", "target", "patient"),
        field("change", TEXT, "what was done to the cue"),
        field("effect", TEXT, "what it does to a segmenter that uses the cue: its answer is gone, or stays"),
        field("agreement", REAL, "of the answer on the changed image with that on the image; null without one", "1"),
    ]
)
