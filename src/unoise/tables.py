"""Tables: their schemas, and how they are written and read."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from unoise.errors import UserError
from unoise.files import whole_file

VOLATILE = "volatile"


def _field(name: str, kind: pa.DataType, meaning: str, unit: str = "", volatile: bool = False) -> pa.Field:
    """A column; `volatile` marks one that differs from run to run on the same machine."""
    metadata = {"description": meaning} | ({"unit": unit} if unit else {}) | ({VOLATILE: "true"} if volatile else {})
    return pa.field(name, kind, metadata=metadata)


_TEXT, _COUNT, _REAL = pa.string(), pa.int64(), pa.float64()
_SECONDS = _field("seconds", _REAL, "wall-clock time", "s", volatile=True)
_PEAK = _field("peak_mib", _REAL, "most memory the process (on a GPU: its tensors) held so far", "MiB", volatile=True)

_KEY = {
    "model": _field("model", _TEXT, "segmenter that is explained"),
    "target": _field("target", _TEXT, "what of it is explained"),
    "explainer": _field("explainer", _TEXT, "method with its settings"),
    "case": _field("case", _TEXT, "one scan"),
    "patient": _field("patient", _TEXT, "whose scan it is"),
    "split": _field("split", _TEXT, "train, validation, calibration or test"),
    "unit": _field("unit", _COUNT, "slice in the preprocessed volume; 0 where the unit is the volume"),
    "judge": _field("judge", _TEXT, "network that segments the obscured image; original: the segmenter itself"),
    "obscurer": _field("obscurer", _TEXT, "what takes the place of hidden voxels"),
    "order": _field("order", _TEXT, "kept_first or removed_first"),
    "visibility": _field("visibility", _REAL, "visible fraction of a unit's voxels", "1"),
    "repeat": _field("repeat", _COUNT, "number of the repetition with other random fillings"),
    "seed": _field("seed", _COUNT, "seed of everything random"),
}


def _key(*names: str) -> list[pa.Field]:
    return [_KEY[name] for name in names]


CASES = pa.schema(
    [
        *_key("case", "patient", "split"),
        _field("image", _TEXT, "path in the dataset"),
        _field("label", _TEXT, "path in the dataset"),
        _field("structures", _TEXT, "annotated structures with their label values"),
        _field("original", _TEXT, "name in the dataset, where the id is another"),
        _field("image_sha256", _TEXT, "hash of the image file"),
        _field("label_sha256", _TEXT, "hash of the label file"),
        _field("shape", pa.list_(_COUNT, 3), "voxels of the scan along its own axes", "voxel"),
        _field("spacing", pa.list_(_REAL, 3), "voxel size of the scan along its own axes", "mm"),
        _field("axes", _TEXT, "axis codes of the scan"),
        _field("preprocessed_shape", pa.list_(_COUNT, 3), "voxels along right, anterior, superior", "voxel"),
        _field("preprocessed_spacing", pa.list_(_REAL, 3), "voxel size along right, anterior, superior", "mm"),
        _field("body_ml", _REAL, "volume inside the patient's outline", "ml"),
        _field("class", _TEXT, "foreground class"),
        _field("label_ml", _REAL, "labelled volume of the class", "ml"),
    ]
)

HISTORY = pa.schema(
    [
        _field("model", _TEXT, "model that is trained"),
        _field("epoch", _COUNT, "passes over the training set, from 1"),
        _field("loss", _REAL, "mean training loss of the epoch", "1"),
        _field("learning_rate", _REAL, "at the epoch's end", "1"),
        _field(
            "score",
            _REAL,
            "on the validation patients, the higher the better; null where there are none",
            "1",
        ),
        _SECONDS,
    ]
)

SEGMENTATION = pa.schema(
    [
        _field("model", _TEXT, "network that segments: the segmenter that is explained, or a judge"),
        *_key("case", "patient", "split"),
        _field("class", _TEXT, "foreground class"),
        _field(
            "dice",
            _REAL,
            "overlap of prediction and label over the whole scan; null where both are empty",
            "1",
        ),
        _field("surface_distance", _REAL, "average symmetric surface distance; null where one is empty", "mm"),
        _field("predicted_ml", _REAL, "predicted volume", "ml"),
        _field("label_ml", _REAL, "labelled volume", "ml"),
    ]
)

COSTS = pa.schema(
    [
        _field("stage", _TEXT, "train or explain"),
        *_key("model", "target", "explainer", "case"),
        _field("units", _COUNT, "slices or volumes explained, slices or patches trained on"),
        _field("forwards", _COUNT, "slices, patches or windows that went through the segmenter"),
        _field("backwards", _COUNT, "gradients of these that came back through the segmenter"),
        _SECONDS,
        _PEAK,
    ]
)

METRICS = pa.schema(
    [
        *_KEY.values(),
        _field("voxels", _COUNT, "of the unit", "voxel"),
        _field("visible", _COUNT, "voxels left visible", "voxel"),
        _field("body", _COUNT, "voxels inside the patient's outline", "voxel"),
        _field("visible_body", _COUNT, "of these, left visible", "voxel"),
        _field("label", _COUNT, "labelled voxels of the target", "voxel"),
        _field("clean", _COUNT, "predicted voxels of the target, unobscured", "voxel"),
        _field("obscured", _COUNT, "predicted voxels of the target, obscured", "voxel"),
        _field("obscured_label", _COUNT, "intersection of obscured prediction and label", "voxel"),
        _field("obscured_clean", _COUNT, "intersection of obscured and clean prediction", "voxel"),
    ]
)

_CONTENT = _field("content", _TEXT, "what is seen in the place of the visible voxels; the body's mean surrounds it")

CURVES = pa.schema(
    [
        *_key(
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
        _field("visibility_body", _REAL, "visible fraction of the body's voxels", "1"),
        _field(
            "dice",
            _REAL,
            "with the label, pooled over the patient's units; null where the label is empty",
            "1",
        ),
        _field("agreement", _REAL, "Dice with the clean prediction, pooled; null where that is empty", "1"),
    ]
)

LEAK_COUNTS = pa.schema(
    [
        *_key("model", "target", "explainer", "case", "patient", "split"),
        _field("partner", _TEXT, "case that lends the other mask; null without another test patient"),
        _KEY["judge"],
        _CONTENT,
        *_key("visibility", "seed"),
        _field("clean", _COUNT, "predicted voxels of the target, unobscured", "voxel"),
        _field("own", _COUNT, "predicted voxels, content seen through the case's own masks", "voxel"),
        _field("own_clean", _COUNT, "intersection of these and the clean prediction", "voxel"),
        _field("other", _COUNT, "predicted voxels, content seen through the partner's masks; null without", "voxel"),
        _field("other_clean", _COUNT, "intersection of these and the clean prediction; null without", "voxel"),
    ]
)

LEAK = pa.schema(
    [
        *_key("model", "target", "explainer", "judge"),
        _CONTENT,
        *_key("visibility", "patient", "split", "seed"),
        _field("own", _REAL, "agreement with the clean prediction, content seen through the patient's masks", "1"),
        _field("other", _REAL, "the same through another patient's masks; null where there are none", "1"),
        _field("leak", _REAL, "what the shape of the masks tells: own minus other", "1"),
    ]
)

_SEEN = _field(
    "seen",
    pa.bool_(),
    "whether the objective of the explainer's interpreter fills images as this obscurer does; null without one",
)

RANKING = pa.schema(
    [
        *_key("model", "target", "explainer", "judge", "obscurer", "order"),
        _field("patients", _COUNT, "test patients"),
        _field(
            "area",
            _REAL,
            "area under agreement over log10 of the visible (removed) fraction, 1 to 100 %",
            "1",
        ),
        _field("low", _REAL, "lower end of the area's 95 % bootstrap interval over patients", "1"),
        _field("high", _REAL, "upper end of the interval", "1"),
        _field("best_control", _TEXT, "the control with which the explainer is compared"),
        _field("control_chosen_on", _TEXT, "split on which that control was found best"),
        _field("gain", _REAL, "area minus the best control's; removed first: the best control's minus area", "1"),
        _field("gain_low", _REAL, "lower end of the gain's 95 % bootstrap interval over patients", "1"),
        _field("gain_high", _REAL, "upper end of the interval", "1"),
        _field(
            "p",
            _REAL,
            "Wilcoxon signed-rank on the paired gain, Holm-adjusted over the explainers that are no controls",
            "1",
        ),
        _field("rank", _COUNT, "1: largest area (removed first: smallest)"),
        _SEEN,
    ]
)

CONTESTS = pa.schema(
    [
        *_key("model", "target", "explainer"),
        _field("rival", _TEXT, "explainer or control that it is compared with, patient by patient"),
        *_key("judge", "obscurer"),
        _SEEN,
        _field("patients", _COUNT, "test patients"),
        _field(
            "difference",
            _REAL,
            "area under agreement over log10 of the visible fraction, kept first, 1 to 10 %, minus the rival's, "
            "mean over patients; null where 1 or 10 % was not evaluated",
            "1",
        ),
        _field("low", _REAL, "lower end of the difference's 95 % bootstrap interval over patients", "1"),
        _field("high", _REAL, "upper end of the interval", "1"),
        _field("p", _REAL, "of the difference, two-sided, by bootstrap, Holm-adjusted over the rivals", "1"),
        *(
            _field(
                f"at_{percent}", _REAL, f"agreement minus the rival's at {percent} % visible, mean over patients", "1"
            )
            for percent in (1, 2, 5, 10)
        ),
        _field("smallest", _REAL, "the smallest of these", "1"),
    ]
)

GUARANTEE = pa.schema(
    [
        *_key("model", "target", "explainer", "judge", "obscurer", "order"),
        _field("tolerance", _REAL, "the expected loss of agreement that is allowed, as the config gives it", "1"),
        _field("patients", _COUNT, "calibration patients with an agreement"),
        _field("patients_needed", _COUNT, "the fewest with which this tolerance can be kept"),
        _field(
            "visibility",
            _REAL,
            "the smallest visible fraction of a unit's voxels from which the bound keeps the tolerance; null where "
            "none does, as with too few patients",
            "1",
        ),
        _field(
            "bound",
            _REAL,
            "at this visibility, (n R + 1) / (n + 1) of the mean loss R of n calibration patients; loss: the largest "
            "1 - agreement from a visibility up",
            "1",
        ),
        _field("test_patients", _COUNT, "test patients with an agreement"),
        _field("test_loss", _REAL, "mean loss of the test patients at this visibility", "1"),
        _field("test_standard_error", _REAL, "of that mean over patients; null with one", "1"),
    ]
)


PROBE = pa.schema(
    [
        *_key("model", "target", "explainer", "visibility", "patient"),
        _field("dice", _REAL, "of what the probe finds from the patient's masks with the clean prediction", "1"),
        _field("dice_other", _REAL, "the same from another patient's masks; null where the fold has none", "1"),
    ]
)

STABILITY = pa.schema(
    [
        *_key("model", "target", "explainer"),
        _field("seed", _COUNT, "of the training behind the one map"),
        _field("other_seed", _COUNT, "of the training behind the other map"),
        _KEY["patient"],
        _field(
            "rank_correlation", _REAL, "Spearman's, of the two maps of a slice, mean over the patient's slices", "1"
        ),
        _field(
            "overlap", _REAL, "share of the 10 % most important voxels that both maps have in common, the mean", "1"
        ),
    ]
)

_INTERPRETER = [
    _field("parameters", _COUNT, "learned numbers of the explainer's interpreter; null without one"),
    _field("pretrained", pa.bool_(), "whether the interpreter began as a segmentation network; null without one"),
]
_PROTOCOL = _field(
    "protocol",
    _TEXT,
    "a variant of the published evaluation, as the config names it; ours: design-zero etc.",
)

PAPER_PROTOCOL = pa.schema(
    [
        *_key("model", "target", "explainer"),
        *_INTERPRETER,
        _PROTOCOL,
        _KEY["split"],
        _field(
            "threshold",
            _REAL,
            "of the noise scale, or a quantile of the map; null: the median",
        ),
        _field("visibility", _REAL, "visible fraction of a slice, mean over batches or patients", "1"),
        _field("dice", _REAL, "with the label, pooled over a batch or a patient, then averaged", "1"),
        _field("slices", _COUNT, "slices that show the target"),
    ]
)

PROTOCOLS = pa.schema(
    [
        *_key("model", "target", "explainer"),
        *_INTERPRETER,
        _PROTOCOL,
        _KEY["split"],
        _field("dice_full", _REAL, "Dice with all of the image visible", "1"),
        _field("dice_half", _REAL, "Dice with half of the image visible", "1"),
        _field("linear_area", _REAL, "area under Dice over the visible fraction, 0 to 1", "1"),
        _field("visibility_90", _REAL, "smallest visible fraction with 90 % of the full Dice", "1"),
    ]
)

RUNTIME = pa.schema(
    [
        *_key("model", "target", "explainer"),
        *_INTERPRETER,
        _field("device", _TEXT, "where it ran"),
        _field("slices", _COUNT, "slices explained one at a time, after one to warm up"),
        _field("median_seconds", _REAL, "per slice", "s", volatile=True),
        _field("low_seconds", _REAL, "lower quartile over slices", "s", volatile=True),
        _field("high_seconds", _REAL, "upper quartile over slices", "s", volatile=True),
    ]
)

NOISE = pa.schema(
    [
        *_key("model", "target", "explainer"),
        _field("factor", _REAL, "by which the noise scale σ(x) is multiplied in all voxels at once", "1"),
        _field("patients", _COUNT, "test patients"),
        _field("agreement", _REAL, "Dice with the clean prediction, pooled by patient, then averaged", "1"),
    ]
)

NOISE_BINS = pa.schema(
    [
        *_key("model", "target", "explainer"),
        _field("bin", _COUNT, "tenth of a unit's body by predicted noise scale, 1: the smallest scale"),
        _field("patients", _COUNT, "test patients"),
        _field("predicted_hu", _REAL, "mean of the noise scale in this tenth", "HU"),
        _field("tolerated_hu", _REAL, "uniform noise in this tenth alone that costs 5 %; null where none did", "HU"),
    ]
)

SEAMS = pa.schema(
    [
        *_key("model", "target", "explainer", "case", "patient", "split"),
        _field(
            "seam",
            _REAL,
            "mean jump of the map across the borders of the network's windows over that elsewhere; 1: no seam; "
            "null where one window holds the volume",
            "1",
        ),
    ]
)


def write(path: Path, schema: pa.Schema, rows: Iterable[dict] | pd.DataFrame) -> None:
    """Write a Parquet table, whole or not at all; a column that a row lacks is null.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a value is not of its column's type.
    """
    if isinstance(rows, pd.DataFrame):
        rows = rows.astype(object).where(rows.notna(), None).to_dict("records")
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def read(paths: Path | Iterable[Path], schema: pa.Schema) -> pd.DataFrame:
    """Read one table, or several below each other.

    Raises
    ------
    UserError
        If a file is no Parquet file, or has other columns than the schema.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    parts = []
    for path in paths:
        try:
            part = pq.read_table(path, partitioning=None)
        except (pa.ArrowException, OSError) as error:
            raise UserError(
                f"it cannot be read as Parquet ({error})", file=path, remedy="Delete it and run again"
            ) from None
        if part.schema.names != schema.names:
            raise UserError(f"its columns are not {schema.names}", file=path, remedy="Delete it and run again")
        parts.append(part.cast(schema))
    return pa.concat_tables(parts).to_pandas() if parts else schema.empty_table().to_pandas()
