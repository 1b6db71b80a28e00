"""The opening of the summary: which explanation to trust, by how much, and how certain that is."""

import pandas as pd

from unoise.report.caveats import CARELESS, leak_sentence, sanity_mark, sanity_sentences, tells
from unoise.report.figures import in_order
from unoise.report.markdown import count, escape, interval, listed, p_value
from unoise.report.reach import across_judges, across_obscurers, conclusion, over_rivals
from unoise.statistics.behind import behind
from unoise.statistics.intervals import ENOUGH_PATIENTS, LEVEL
from unoise.workflow.names import CONTROL, ORIGINAL

SIGNIFICANT = round(1 - LEVEL, 9)
_HEADLINE = 0.05


def verdict(
    ranking: pd.DataFrame,
    curves: pd.DataFrame,
    leaks: dict[str, float],
    changes: pd.DataFrame | None,
    correlations: pd.DataFrame,
    unit: str,
) -> str:
    """Say in one paragraph which explanation to trust, by how much, where that holds, and what speaks against others.

    Parameters
    ----------
    ranking
        Rows of `tables.RANKING` of one target, of all judges.
    curves
        Rows of `tables.CURVES` of the test patients, of this target and the judge `original`.
    leaks
        By explainer; one whose map tells is not ranked.
    changes
        From `by_change`, of this target; one whose map does not care is not ranked. None where nothing was checked.
    correlations
        Rows of `tables.RANK_CORRELATION` of this target.
    unit
        What a unit is called.
    """
    everywhere = ranking[ranking["order"] == "kept_first"]
    kept = everywhere[everywhere["judge"] == ORIGINAL]
    methods = kept[~kept["explainer"].str.startswith(CONTROL)]
    if methods.empty:
        return "This run has no explanation to judge: it evaluated controls only."
    obscurers = sorted(set(kept["obscurer"]))
    patients = int(methods["patients"].max())
    ways = f"{count(len(obscurers), 'way')} ({listed(obscurers)})"
    where = f"{count(patients, 'test patient')}, judged by the segmenter itself, with hidden voxels replaced in {ways}"
    named = in_order(methods["explainer"])
    caveats = [leak_sentence(named, leaks), sanity_sentences(named, changes)]
    if patients < ENOUGH_PATIENTS:
        return " ".join([_undecided(methods, patients, where), *caveats])
    left_out = [key for key in named if tells(leaks, key) or sanity_mark(changes, key) == CARELESS]
    methods = methods[~methods["explainer"].isin(left_out)]
    if methods.empty:
        return " ".join([f"No explanation is ranked on {where}.", *caveats])
    best = methods.groupby("explainer")["area"].mean().sort_values(kind="stable").index[-1]
    own = methods[methods["explainer"] == best].sort_values("obscurer")
    first = (
        f"Of {count(methods['explainer'].nunique(), 'ranked explanation' if left_out else 'explanation')}, "
        f"**{escape(best)}** kept most of the "
        f"prediction with little visible: area under the agreement curve {own['area'].mean():.2f} (of 1) "
        f"on {where}{_at_headline(own, curves, unit)}."
    )
    rivals = everywhere[~everywhere["explainer"].str.startswith(CONTROL) & ~everywhere["explainer"].isin(left_out)]
    after = behind(curves, best, set(methods["explainer"]) - {best})
    tied = in_order(after[~(after["p"] < SIGNIFICANT)].index)
    reach = [
        over_rivals(after, tied),
        _consistency(methods),
        across_obscurers(correlations),
        across_judges(best, rivals),
    ]
    end = conclusion(best, tied, own[_beaten(own)], own)
    return " ".join(filter(None, [first, _against_control(methods, own), *reach, *caveats, end]))


def _undecided(methods: pd.DataFrame, patients: int, where: str) -> str:
    sentences = [
        f"This run evaluated {count(methods['explainer'].nunique(), 'explanation')} on {where}.",
        f"With fewer than {ENOUGH_PATIENTS} test patients explanations cannot be told apart by "
        "statistics, so this page does not rank them.",
    ]
    lowest = methods.groupby("explainer")["gain"].min()
    above = in_order(lowest[lowest > 0].index)
    if methods["gain"].isna().all():
        sentences.append("No control was run beside them.")
    elif not (methods["gain"] > 0).any():
        sentences.append("None of them lies above the best control under any obscurer.")
    else:
        names = listed(above) if above else "No explanation"
        verb = "lie" if len(above) > 1 else "lies"
        sentences.append(
            f"{names} {verb} above the best control under every obscurer; another patient could change that."
        )
    return " ".join(sentences + ["There is no interval and no p-value with one patient."] * (patients == 1))


def _at_headline(own: pd.DataFrame, curves: pd.DataFrame, unit: str) -> str:
    """Say how one explainer and its controls agree at the visibility nearest to 5 %."""
    kept = curves[curves["order"] == "kept_first"]
    visibility = min(set(kept["visibility"]), key=lambda one: abs(one - _HEADLINE))
    means = kept[kept["visibility"] == visibility].groupby(["obscurer", "explainer"])["agreement"].mean()
    mine = means.loc[list(zip(own["obscurer"], own["explainer"], strict=True))].mean()
    text = f"; with {100 * visibility:g} % of each {unit} visible, agreement with the full image is {mine:.2f}"
    if own["best_control"].isna().any():
        return text
    control = means.loc[list(zip(own["obscurer"], own["best_control"], strict=True))].mean()
    return f"{text} (best control: {control:.2f})"


def _against_control(methods: pd.DataFrame, own: pd.DataFrame) -> str:
    """Compare the best explanation with the best control, under each obscurer."""
    if own["gain"].isna().all():
        return "No control was run beside it, so whether it found more than the organ's place is unknown."
    won = own[_beaten(own)]
    gains = "gain in area, with 95 % interval: " + "; ".join(
        f"{escape(row['obscurer'])} {interval(row['gain'], row['gain_low'], row['gain_high'], '+.2f')} over "
        f"{escape(row['best_control'])}, p {p_value(row['p'])}"
        for _, row in own.iterrows()
    )
    if len(won) == len(own):
        return f"It beats the best control under every obscurer ({gains})."
    if len(won):
        return f"It beats the best control only under {listed(won['obscurer'])} ({gains})."
    others = methods[_beaten(methods)]
    if others.empty:
        return f"But **no explanation beats the best control** under any obscurer (its {gains})."
    return (
        f"But it does not beat the best control under any obscurer ({gains}); "
        f"{listed(in_order(others['explainer']))} does under {listed(sorted(set(others['obscurer'])))}."
    )


def _beaten(ranking: pd.DataFrame) -> pd.Series:
    return (ranking["gain"] > 0) & (ranking["p"] < SIGNIFICANT)


def _consistency(methods: pd.DataFrame) -> str:
    """Say whether the explanations come in the same order under all obscurers."""
    ranked = methods.sort_values("rank").groupby("obscurer", sort=True)["explainer"].agg(tuple)
    if len(ranked) < 2 or len(ranked.iloc[0]) < 2:
        return ""
    if ranked.nunique() == 1:
        return "The explanations rank in the same order under all obscurers."
    firsts = ranked.map(lambda names: names[0])
    if firsts.nunique() == 1:
        return "The first place is the same under all obscurers, the places after it are not."
    places = "; ".join(f"{escape(obscurer)}: {escape(name)}" for obscurer, name in firsts.items())
    return f"The ranking depends on the obscurer; first are {places}."
