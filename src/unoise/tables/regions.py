"""Tables of what the maps look at and what the segmenter needs, region by region."""

import pyarrow as pa

from unoise.tables.columns import COUNT, REAL, TEXT, field, key

_REGION = [
    field("kind", TEXT, "structure (labelled), distance (to the predicted target) or surroundings"),
    field("region", TEXT, "name of the region; regions of different kinds overlap"),
]
_SHARE = field(
    "share", REAL, "of the voxels of the patient's units that lie in the region; null where not annotated", "1"
)

REGION_COUNTS = pa.schema(
    [
        *key("model", "target", "case", "patient", "split"),
        *_REGION,
        *key("judge", "obscurer", "seed"),
        field("voxels", COUNT, "of all units in which the region is known; with it null where it is not", "voxel"),
        field("inside", COUNT, "of these, in the region", "voxel"),
        field("clean", COUNT, "predicted voxels of the target there, nothing hidden", "voxel"),
        field("obscured", COUNT, "predicted voxels of the target with the region hidden", "voxel"),
        field("obscured_clean", COUNT, "intersection of the two", "voxel"),
    ]
)

REGION_NECESSITY = pa.schema(
    [
        *key("model", "target"),
        *_REGION,
        *key("judge", "obscurer", "patient", "split", "seed"),
        _SHARE,
        field("agreement", REAL, "Dice with the clean prediction when this region alone is hidden, pooled", "1"),
        field("necessity", REAL, "1 minus this agreement; null where the region has no voxel, or is not known", "1"),
    ]
)

REGION_MASS = pa.schema(
    [
        *key("model", "target", "explainer"),
        *_REGION,
        *key("visibility", "patient", "split", "seed"),
        _SHARE,
        field(
            "mass",
            REAL,
            "share of the most important voxels, as many as are visible, that lie in the region; null where it has "
            "no voxel, or is not known",
            "1",
        ),
        field("enrichment", REAL, "mass over share; 1: as many as by chance", "1"),
    ]
)
