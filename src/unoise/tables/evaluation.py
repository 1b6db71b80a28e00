"""Tables of the evaluation: counts by unit, and what was made of them by patient."""

import pyarrow as pa

from unoise.tables.columns import CONTENT, COUNT, INTERPRETER, KEY, PROTOCOL, REAL, TEXT, field, key

METRICS = pa.schema(
    [
        *KEY.values(),
        field("voxels", COUNT, "of the unit", "voxel"),
        field("visible", COUNT, "voxels left visible", "voxel"),
        field("body", COUNT, "voxels inside the patient's outline", "voxel"),
        field("visible_body", COUNT, "of these, left visible", "voxel"),
        field("label", COUNT, "labelled voxels of the class; null where the target is a region", "voxel"),
        field(
            "clean",
            COUNT,
            "predicted voxels of the class, unobscured; of a region its voxels",
            "voxel",
        ),
        field("obscured", COUNT, "predicted voxels, obscured; of a region those with the decision unchanged", "voxel"),
        field("obscured_label", COUNT, "intersection of obscured prediction and label; null of a region", "voxel"),
        field("obscured_clean", COUNT, "intersection of obscured and clean", "voxel"),
    ]
)

CURVES = pa.schema(
    [
        *key(
            "model",
            "target",
            "explainer",
            "patient",
            "split",
            "judge",
            "obscurer",
            "order",
            "visibility",
            "seed",
        ),
        field("visibility_body", REAL, "visible fraction of the body's voxels; null where a region is empty", "1"),
        field(
            "dice",
            REAL,
            "with the label, pooled over the patient's units; null where it is empty, and where the target is a region",
            "1",
        ),
        field(
            "agreement",
            REAL,
            "Dice with the clean prediction, pooled; for a region, Dice of its voxels on which the decision stays with "
            "all of them; null where the clean prediction, or the region, is empty",
            "1",
        ),
    ]
)

LEAK_COUNTS = pa.schema(
    [
        *key("model", "target", "explainer", "case", "patient", "split"),
        field("partner", TEXT, "case that lends the other mask; null without another test patient"),
        KEY["judge"],
        CONTENT,
        *key("visibility", "seed"),
        field("clean", COUNT, "predicted voxels of the class, unobscured; of a region its voxels", "voxel"),
        field("own", COUNT, "predicted voxels (of a region: unchanged ones), content seen through own masks", "voxel"),
        field("own_clean", COUNT, "intersection of these and the clean prediction", "voxel"),
        field("other", COUNT, "predicted voxels, content seen through the partner's masks; null without", "voxel"),
        field("other_clean", COUNT, "intersection of these and the clean prediction; null without", "voxel"),
    ]
)

LEAK = pa.schema(
    [
        *key("model", "target", "explainer", "judge"),
        CONTENT,
        *key("visibility", "patient", "split", "seed"),
        field("own", REAL, "agreement with the clean prediction, content seen through the patient's masks", "1"),
        field("other", REAL, "the same through another patient's masks; null where there are none", "1"),
        field("leak", REAL, "what the shape of the masks tells: own minus other", "1"),
    ]
)

PAPER_PROTOCOL = pa.schema(
    [
        *key("model", "target", "explainer"),
        *INTERPRETER,
        PROTOCOL,
        KEY["split"],
        field(
            "threshold",
            REAL,
            "of the noise scale, or a quantile of the map; null: the median",
        ),
        field("visibility", REAL, "visible fraction of a slice, mean over batches or patients", "1"),
        field("dice", REAL, "with the label, pooled over a batch or a patient, then averaged", "1"),
        field("slices", COUNT, "slices that show the target"),
    ]
)

PROTOCOLS = pa.schema(
    [
        *key("model", "target", "explainer"),
        *INTERPRETER,
        PROTOCOL,
        KEY["split"],
        field("dice_full", REAL, "Dice with all of the image visible", "1"),
        field("dice_half", REAL, "Dice with half of the image visible", "1"),
        field("linear_area", REAL, "area under Dice over the visible fraction, 0 to 1", "1"),
        field("visibility_90", REAL, "smallest visible fraction with 90 % of the full Dice", "1"),
    ]
)

NOISE = pa.schema(
    [
        *key("model", "target", "explainer"),
        field("factor", REAL, "by which the noise scale σ(x) is multiplied in all voxels at once", "1"),
        field("patients", COUNT, "test patients"),
        field("agreement", REAL, "Dice with the clean prediction, pooled by patient, then averaged", "1"),
    ]
)

NOISE_BINS = pa.schema(
    [
        *key("model", "target", "explainer"),
        field("bin", COUNT, "tenth of a unit's body by predicted noise scale, 1: the smallest scale"),
        field("patients", COUNT, "test patients"),
        field("predicted_hu", REAL, "mean of the noise scale in this tenth", "HU"),
        field("tolerated_hu", REAL, "uniform noise in this tenth alone that costs 5 %; null where none did", "HU"),
    ]
)

SEAMS = pa.schema(
    [
        *key("model", "target", "explainer", "case", "patient", "split"),
        field(
            "seam",
            REAL,
            "mean jump of the map across the borders of the network's windows over that elsewhere; 1: no seam; "
            "null where one window holds the volume",
            "1",
        ),
    ]
)

PROBE = pa.schema(
    [
        *key("model", "target", "explainer", "visibility", "patient"),
        field("dice", REAL, "of what the probe finds from the patient's masks with the clean prediction", "1"),
        field("dice_other", REAL, "the same from another patient's masks; null where the fold has none", "1"),
    ]
)

STABILITY = pa.schema(
    [
        *key("model", "target", "explainer"),
        field("seed", COUNT, "of the training behind the one map"),
        field("other_seed", COUNT, "of the training behind the other map"),
        KEY["patient"],
        field("rank_correlation", REAL, "Spearman's, of the two maps of a slice, mean over the patient's slices", "1"),
        field("overlap", REAL, "share of the 10 % most important voxels that both maps have in common, the mean", "1"),
    ]
)
