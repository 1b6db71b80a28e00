"""What failed in a run, and with what the run can go on without it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from unoise.workflow.notes import read_failure
from unoise.workflow.plan import Plan

GOES_ON_IN = ("test", "calibration")  # splits of which a case can be left out: no model is trained on them
MEASUREMENTS = {  # rules that measure one explainer, and the section of the config that asks for them
    "stability": "stability",
    "probe": "probe",
    "faithfulness": "faithfulness",
    "sanity": "sanity",
    "region_mass": "regions",
    "fit_noise_scale": "noise",
    "measure_noise_scale": "noise",
    "noise_scale": "noise",
}
SHOWN = 3  # reasons a name
KILLED = "it ended without a word: killed, perhaps for want of memory"


@dataclass(frozen=True)
class Failed:
    """A job that failed.

    Attributes
    ----------
    rule
        Its name, for batches with the batch's.
    wildcards
        Their values by name.
    model
        The `<model>` that it trains or that predicts, if any.
    reason
        Why, in one line.
    cases
        Of a batch, the cases that failed, each with its reason.
    """

    rule: str
    wildcards: dict[str, str]
    model: str | None = None
    reason: str = KILLED
    cases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job) -> "Failed":
        """From a job of Snakemake and what it noted itself, if it lived to do so."""
        wildcards, params = dict(job.wildcards.items()), dict(job.params.items())
        settings = params.get("settings")
        model = wildcards.get("model") or (settings.get("model") if isinstance(settings, dict) else None)
        return cls(job.rule.name, wildcards, model, **read_failure(job.log[0] if job.log else ""))


def leave_out(plan: Plan, failed: Iterable[Failed]) -> dict[str, dict[str, str]]:
    """What a run must do without to go on after failures, as the config's `leave_out` has it, reasons included.

    A failure is put down to what most share: a target on most cases of which most explainers fail, a case on which most
    of them do, else the explainer. So what is left is compared on the same cases. Nothing can be left out for what all
    else needs: the segmenter, a case that it learns from, a table.
    """
    found: dict[str, dict[str, str]] = {"cases": {}, "explainers": {}, "judges": {}, "targets": {}, "measurements": {}}
    pairs: dict[tuple[str, str], dict[str | None, str]] = defaultdict(dict)
    for one in failed:
        rule, explainer = one.rule, one.wildcards.get("explainer")
        section = next(
            (MEASUREMENTS[name] for name in MEASUREMENTS if rule == name or rule.startswith(f"{name}_")), None
        )
        if explainer and section:
            found["measurements"][f"{section}.{explainer}"] = one.reason
        elif explainer:
            pairs[one.wildcards.get("target", ""), explainer] |= one.cases or {None: one.reason}
        elif one.model == plan.segmenter and rule.startswith("predict_"):
            _add_cases(plan, found, one.cases)
        elif one.model:
            _add_model(plan, found, one)
        elif "case" in one.wildcards:
            _add_cases(plan, found, {one.wildcards["case"]: one.reason})
        elif rule.startswith("necessity_"):
            found["measurements"]["regions.all"] = one.reason
        elif rule == "atlas":
            found["explainers"] |= {
                key: one.reason for key in plan.config["explainers"] if "atlas" in plan.method(key).needs
            }
    _add_pairs(plan, found, pairs)
    return {kind: names for kind, names in found.items() if names}


def _add_cases(plan: Plan, found: dict, cases: dict[str, str]) -> None:
    found["cases"] |= {case: why for case, why in cases.items() if plan.cases[case].split in GOES_ON_IN}


def _add_model(plan: Plan, found: dict, one: Failed) -> None:
    found["judges"] |= {name: one.reason for name, model in plan.judges.items() if model == one.model != plan.segmenter}
    for explainer in plan.interpreted:
        model = plan.interpreter(explainer)
        if one.model in (model, plan.start(plan.interpreters[model])) and one.model != plan.segmenter:
            found["explainers"][explainer] = one.reason
    for section, models, keys in (
        ("stability", plan.retrainings, plan.retrained_explainers),
        ("sanity", [*plan.sanity_retrainings, *plan.sanity_models.values()], plan.questioned),
    ):
        if one.model in models:
            found["measurements"] |= {f"{section}.{key}": one.reason for key in keys}


def _add_pairs(plan: Plan, found: dict, pairs: dict[tuple[str, str], dict[str | None, str]]) -> None:
    explainers, targets = plan.config["explainers"], plan.config["targets"]
    for target in targets:
        broken = {key: why for (name, key), why in pairs.items() if name == target and _fails_on_most(why, plan)}
        elsewhere = {key for name, key in pairs if name != target}
        if len(targets) > 1 and len(set(broken) - elsewhere) > len(explainers) / 2:
            found["targets"][target] = _said(next(iter(broken.values())))
            pairs = {pair: why for pair, why in pairs.items() if pair[0] != target}
    for case in plan.ids(*GOES_ON_IN):
        broken = {key: why[case] for (_, key), why in pairs.items() if case in why}
        if len(broken) > len(explainers) / 2:
            found["cases"][case] = next(iter(broken.values()))
    for (_, explainer), why in pairs.items():
        rest = {case: text for case, text in why.items() if case not in found["cases"]}
        if rest:
            found["explainers"][explainer] = _said(rest)


def _fails_on_most(why: dict[str | None, str], plan: Plan) -> bool:
    """Whether an explainer fails on more than half of the test cases, or before the first."""
    return None in why or len(why) > len(plan.ids("test")) / 2


def _said(why: dict[str | None, str]) -> str:
    reasons = list(dict.fromkeys(why.values()))
    more = len(reasons) - SHOWN
    return " | ".join(reasons[:SHOWN]) + (f" | and {more} more" if more > 0 else "")
