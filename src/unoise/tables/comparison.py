"""Tables that set explanations side by side, and what may be promised of them."""

import pyarrow as pa

from unoise.tables.columns import COUNT, REAL, SEEN, TEXT, field, key

_FEW = "null with fewer than 8 test patients: not distinguishable"

DETECTABLE = field(
    "detectable",
    REAL,
    "the smallest true difference that as many patients show with a power of 80 % at .05 (paired, two-sided t-test), "
    "by the standard deviation of their differences; null with one",
    "1",
)

RANKING = pa.schema(
    [
        *key("model", "target", "explainer", "judge", "obscurer", "order"),
        field("patients", COUNT, "test patients"),
        field(
            "area",
            REAL,
            "area under agreement over log10 of the visible (removed) fraction, 1 to 100 %",
            "1",
        ),
        field("low", REAL, "lower end of the area's 95 % bootstrap interval over patients", "1"),
        field("high", REAL, "upper end of the interval", "1"),
        field("best_control", TEXT, "the control with which the explainer is compared"),
        field("control_chosen_on", TEXT, "split on which that control was found best"),
        field("gain", REAL, "area minus the best control's; removed first: the best control's minus area", "1"),
        field("gain_low", REAL, "lower end of the gain's 95 % bootstrap interval over patients", "1"),
        field("gain_high", REAL, "upper end of the interval", "1"),
        field(
            "p",
            REAL,
            f"Wilcoxon signed-rank on the paired gain, Holm-adjusted over the explainers that are no controls; {_FEW}",
            "1",
        ),
        DETECTABLE,
        field("rank", COUNT, "1: largest area (removed first: smallest)"),
        SEEN,
    ]
)

CONTESTS = pa.schema(
    [
        *key("model", "target", "explainer"),
        field("rival", TEXT, "explainer or control that it is compared with, patient by patient"),
        *key("judge", "obscurer"),
        SEEN,
        field("patients", COUNT, "test patients"),
        field(
            "difference",
            REAL,
            "area under agreement over log10 of the visible fraction, kept first, 1 to 10 %, minus the rival's, "
            "mean over patients; null where 1 or 10 % was not evaluated",
            "1",
        ),
        field("low", REAL, "lower end of the difference's 95 % bootstrap interval over patients", "1"),
        field("high", REAL, "upper end of the interval", "1"),
        field("p", REAL, f"of the difference, two-sided, by bootstrap, Holm-adjusted over the rivals; {_FEW}", "1"),
        DETECTABLE,
        *(
            field(f"at_{percent}", REAL, f"agreement minus the rival's at {percent} % visible, mean over patients", "1")
            for percent in (1, 2, 5, 10)
        ),
        field("smallest", REAL, "the smallest of these", "1"),
    ]
)

GUARANTEE = pa.schema(
    [
        *key("model", "target", "explainer", "judge", "obscurer", "order"),
        field("tolerance", REAL, "the expected loss of agreement that is allowed, as the config gives it", "1"),
        field("patients", COUNT, "calibration patients with an agreement"),
        field("patients_needed", COUNT, "the fewest with which this tolerance can be kept"),
        field(
            "visibility",
            REAL,
            "the smallest visible fraction of a unit's voxels from which the bound keeps the tolerance; null where "
            "none does, as with too few patients",
            "1",
        ),
        field(
            "bound",
            REAL,
            "at this visibility, (n R + 1) / (n + 1) of the mean loss R of n calibration patients; loss: the largest "
            "1 - agreement from a visibility up",
            "1",
        ),
        field("test_patients", COUNT, "test patients with an agreement"),
        field("test_loss", REAL, "mean loss of the test patients at this visibility", "1"),
        field("test_standard_error", REAL, "of that mean over patients; null with one", "1"),
    ]
)

RANK_CORRELATION = pa.schema(
    [
        *key("model", "target", "judge", "order", "obscurer"),
        field("other_obscurer", TEXT, "the obscurer under which the explainers are ranked once more"),
        field("explainers", COUNT, "explainers and controls that both rank"),
        field("kendall", REAL, "rank correlation (Kendall's tau-b) of the explainers' areas; null where all are equal"),
        field("spearman", REAL, "Spearman's rank correlation of the same"),
        field("unstable", pa.bool_(), "whether the ranking turns: Kendall's tau is below 0.5; null where that is null"),
    ]
)
