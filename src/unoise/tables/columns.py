"""Columns: what they hold, in which unit, and those that tables share."""

import json

import pandas as pd
import pyarrow as pa

VOLATILE = "volatile"


def field(
    name: str, kind: pa.DataType, meaning: str, unit: str = "", volatile: bool | dict[str, list[str]] = False
) -> pa.Field:
    """A column; `volatile` marks one that differs from run to run on the same machine.

    Where it does so in some rows only, `volatile` gives these, by the values of other columns.
    """
    metadata = {"description": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, metadata=metadata | ({VOLATILE: json.dumps(volatile)} if volatile else {}))


def stable(table: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """The part of a table that is the same in every run of a config on a machine: volatile values are null."""
    table = table.copy()
    for one in schema:
        volatile = json.loads((one.metadata or {}).get(VOLATILE.encode(), b"false"))
        for column, values in (volatile if isinstance(volatile, dict) else {}).items():
            table.loc[table[column].isin(values), one.name] = None
        if volatile is True:
            table[one.name] = None
    return table


TEXT, COUNT, REAL = pa.string(), pa.int64(), pa.float64()

SECONDS = field("seconds", REAL, "wall-clock time", "s", volatile=True)

PEAK = field("peak_mib", REAL, "most memory the process (on a GPU: its tensors) held so far", "MiB", volatile=True)

KEY = {
    "model": field("model", TEXT, "segmenter that is explained"),
    "target": field("target", TEXT, "what of it is explained"),
    "explainer": field("explainer", TEXT, "method with its settings"),
    "case": field("case", TEXT, "one scan"),
    "patient": field("patient", TEXT, "whose scan it is"),
    "split": field("split", TEXT, "train, validation, calibration or test"),
    "unit": field(
        "unit",
        COUNT,
        "slice in the preprocessed volume; 0 where the unit is the volume; null: an empty region",
    ),
    "judge": field("judge", TEXT, "network that segments the obscured image; original: the segmenter itself"),
    "obscurer": field("obscurer", TEXT, "what takes the place of hidden voxels"),
    "order": field("order", TEXT, "kept_first or removed_first"),
    "visibility": field("visibility", REAL, "visible fraction of a unit's voxels", "1"),
    "repeat": field("repeat", COUNT, "number of the repetition with other random fillings"),
    "seed": field("seed", COUNT, "seed of everything random"),
}


def key(*names: str) -> list[pa.Field]:
    """Columns of the key by their names."""
    return [KEY[name] for name in names]


CONTENT = field("content", TEXT, "what is seen in the place of the visible voxels; the body's mean surrounds it")

SEEN = field(
    "seen",
    pa.bool_(),
    "whether the objective of the explainer's interpreter fills images as this obscurer does; null without one",
)

INTERPRETER = [
    field("parameters", COUNT, "learned numbers of the explainer's interpreter; null without one"),
    field("pretrained", pa.bool_(), "whether the interpreter began as a segmentation network; null without one"),
]

PROTOCOL = field(
    "protocol",
    TEXT,
    "a variant of the published evaluation, as the config names it; ours: design-zero etc.",
)
