"""Tables of the data, and of what training, segmenting and explaining took and gave."""

import pyarrow as pa

from unoise.tables.columns import COUNT, INTERPRETER, PEAK, REAL, SECONDS, TEXT, field, key

CASES = pa.schema(
    [
        *key("case", "patient", "split"),
        field("image", TEXT, "path in the dataset"),
        field("label", TEXT, "path in the dataset"),
        field("structures", TEXT, "annotated structures with their label values"),
        field("original", TEXT, "name in the dataset, where the id is another"),
        field("image_sha256", TEXT, "hash of the image file"),
        field("label_sha256", TEXT, "hash of the label file"),
        field("shape", pa.list_(COUNT, 3), "voxels of the scan along its own axes", "voxel"),
        field("spacing", pa.list_(REAL, 3), "voxel size of the scan along its own axes", "mm"),
        field("axes", TEXT, "axis codes of the scan"),
        field("preprocessed_shape", pa.list_(COUNT, 3), "voxels along right, anterior, superior", "voxel"),
        field("preprocessed_spacing", pa.list_(REAL, 3), "voxel size along right, anterior, superior", "mm"),
        field("body_ml", REAL, "volume inside the patient's outline", "ml"),
        field("class", TEXT, "foreground class"),
        field("label_ml", REAL, "labelled volume of the class", "ml"),
    ]
)

HISTORY = pa.schema(
    [
        field("model", TEXT, "model that is trained"),
        field("epoch", COUNT, "passes over the training set, from 1"),
        field("loss", REAL, "mean training loss of the epoch", "1"),
        field("learning_rate", REAL, "at the epoch's end", "1"),
        field(
            "score",
            REAL,
            "on the validation patients, the higher the better; null where there are none",
            "1",
        ),
        SECONDS,
    ]
)

SEGMENTATION = pa.schema(
    [
        field("model", TEXT, "network that segments: the segmenter that is explained, or a judge"),
        *key("case", "patient", "split"),
        field("class", TEXT, "foreground class"),
        field(
            "dice",
            REAL,
            "overlap of prediction and label over the whole scan; null where both are empty",
            "1",
        ),
        field("surface_distance", REAL, "average symmetric surface distance; null where one is empty", "mm"),
        field("predicted_ml", REAL, "predicted volume", "ml"),
        field("label_ml", REAL, "labelled volume", "ml"),
    ]
)

COSTS = pa.schema(
    [
        field("stage", TEXT, "train or explain"),
        *key("model", "target", "explainer", "case"),
        field("units", COUNT, "slices or volumes explained, slices or patches trained on"),
        field("forwards", COUNT, "slices, patches or windows that went through the segmenter"),
        field("backwards", COUNT, "gradients of these that came back through the segmenter"),
        SECONDS,
        PEAK,
    ]
)

RUNTIME = pa.schema(
    [
        *key("model", "target", "explainer"),
        *INTERPRETER,
        field("device", TEXT, "where it ran"),
        field("slices", COUNT, "slices explained one at a time, after one to warm up"),
        field("median_seconds", REAL, "per slice", "s", volatile=True),
        field("low_seconds", REAL, "lower quartile over slices", "s", volatile=True),
        field("high_seconds", REAL, "upper quartile over slices", "s", volatile=True),
    ]
)
