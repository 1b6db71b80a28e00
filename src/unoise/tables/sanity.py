"""The table of what becomes of a map when the segmenter has not learned what it has."""

import pyarrow as pa

from unoise.tables.columns import COUNT, REAL, TEXT, field, key

_NULL = "null where a map is constant, or the patient has no unit to compare"

SANITY = pa.schema(
    [
        *key("model", "target", "explainer", "patient"),
        field(
            "check",
            TEXT,
            "what is explained instead of the segmenter: randomised, itself with random weights; permuted, one that "
            "learned from labels of other patients",
        ),
        field(
            "stage",
            COUNT,
            "how far the weights are random, in steps from the output on: 0, none; the last, all. An explainer with an "
            "interpreter, which is trained again, has the last alone; null for permuted",
        ),
        field("layer", TEXT, "the deepest layer with random weights; null at stage 0 and for permuted"),
        field(
            "rank_correlation",
            REAL,
            "Spearman's, of the map with the original one, over the body's voxels in a slice, mean over the patient's "
            f"slices; {_NULL}",
            "1",
        ),
        field(
            "partial_correlation",
            REAL,
            "the same of what is left of both maps without the ranks of the signed distance to the explained region "
            "and to the predicted organ, which all models are given alike; null too where nothing is left",
            "1",
        ),
        field(
            "overlap",
            REAL,
            f"share of the body's 10 % most important voxels that both maps have in common, the mean; {_NULL}",
            "1",
        ),
    ]
)
