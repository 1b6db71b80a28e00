"""Tables of what every explanation scores, and of what its maps are like."""

import pyarrow as pa

from unoise.tables.columns import COUNT, REAL, TEXT, field, key

_MEASURED = {"score": ["seconds", "peak_mib"]}

SCORES = pa.schema(
    [
        *key("model", "target", "explainer", "judge", "obscurer"),
        field("score", TEXT, "name of the score; judge and obscurer are null where it does not depend on them"),
        field("unit", TEXT, "of the value; 1: none"),
        field("patients", COUNT, "test patients with a value"),
        field(
            "mean",
            REAL,
            "over patients; null where one of them has no visibility that is enough",
            volatile=_MEASURED,
        ),
        field(
            "low",
            REAL,
            "lower end of the mean's 95 % bootstrap interval over patients; null with one",
            volatile=_MEASURED,
        ),
        field("high", REAL, "upper end of the interval", volatile=_MEASURED),
    ]
)

SUBGROUPS = pa.schema(
    [
        *key("model", "target", "explainer", "judge", "obscurer"),
        field("subgroup", TEXT, "further column of the manifest, such as scanner"),
        field("value", TEXT, "what it says of a case; null where it is empty"),
        field("score", TEXT, "name of the score, one of an area or an agreement; see the table of scores"),
        field("patients", COUNT, "test patients with such a case and an agreement"),
        field("mean", REAL, "over these patients, of their cases with this value alone", "1"),
        field("low", REAL, "lower end of the mean's 95 % bootstrap interval over patients; null with one", "1"),
        field("high", REAL, "upper end of the interval", "1"),
    ]
)

MAPS = pa.schema(
    [
        *key("model", "target", "explainer", "patient"),
        field(
            "sparsity", REAL, "Gini index of the map, 0 (flat) to 1 (one voxel); null where the map is constant", "1"
        ),
        field("entropy", REAL, "of the map, over that of a flat one: 1 (flat) to 0; null where it is constant", "1"),
    ]
)

FAITHFULNESS = pa.schema(
    [
        *key("model", "target", "explainer", "patient"),
        field(
            "infidelity",
            REAL,
            "mean squared error with which the map's sum over hidden squares, times the best factor, predicts the drop "
            "of soft agreement, over the mean squared drop; 0 is best, 1 no better than an empty map",
            "1",
        ),
        field(
            "sensitivity",
            REAL,
            "largest change of the map under small changes of the image, over the norm of the map about its mean",
            "1",
        ),
    ]
)
