"""Configs: each setting of the schema with another type and out of its range, entries that do not fit each other."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from corpus import Malformed, plain_config
from unoise.workflow import config
from unoise.workflow.config import read_config

FILE = "mine.yaml"
SCHEMA = yaml.safe_load(Path(config.__file__).with_name("schema.yaml").read_text(encoding="utf-8"))
OUTER = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}  # steps out of the range
UNET = {"name": "UNet", "channels": [4, 8], "strides": [2]}
PAPER = {"network": UNET, "objective": {"method": "paper"}}
WHOLE = plain_config() | {
    "phantom": {"patients": 3},
    "targets": {"liver": {"class": "liver"}, "one": {"class": "liver"}},
    "judges": {"one": {"network": UNET}},
    "interpreters": {"one": PAPER},
    "probe": {"network": UNET},
}


def read(folder: Path) -> None:
    """Read the config in a folder."""
    read_config(folder / FILE)


def text(name: str, content: str | bytes, *says: str) -> Malformed:
    made = content if isinstance(content, bytes) else content.encode()
    return Malformed(name, lambda folder: (folder / FILE).write_bytes(made), (FILE, *says))


def with_entry(place: str, value: object) -> str:
    """The text of a sound config with one entry exchanged; {} is put where there is nothing on the way."""
    whole = json.loads(json.dumps(WHOLE))  # no part of it shared
    *above, last = place.split(".")
    entry = whole
    for key in above:
        entry = entry.setdefault(key, {})
    entry[last] = value
    return yaml.safe_dump(whole, sort_keys=False)


def entry(place: str, value: object, *says: str) -> Malformed:
    """A setting that something else in the config does not allow."""
    return text(f"{place}: {value!r}"[:80], with_entry(place, value), *says)


def settings(schema: dict, place: str = "") -> Iterator[tuple[str, dict]]:
    """All settings of a schema with their own, by place; `one` stands for names that the user chooses."""
    while "$ref" in schema or ("allOf" in schema and "$ref" in schema["allOf"][0]):
        path = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = SCHEMA
        for key in path.removeprefix("#/").split("/"):
            schema = schema[key]
    if place:
        yield place, schema
    inside = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        inside["one"] = schema["additionalProperties"]
    for name, one in inside.items():
        yield from settings(one, f"{place}.{name}".lstrip("."))


def broken_settings() -> Iterator[Malformed]:
    for place, own in settings(SCHEMA):
        kinds = own.get("type", [])
        wrong = 5 if "string" in kinds else "no such thing"
        yield text(f"{place} of another type", with_entry(place, wrong), f"{place}: ")
        for limit, step in OUTER.items():
            if limit in own:
                value = own[limit] + step
                yield text(f"{place} out of range: {value}", with_entry(place, value), f"{place}: {value} is out of")
    for name in SCHEMA["required"]:
        left = {key: value for key, value in WHOLE.items() if key != name}
        yield text(f"no {name}", yaml.safe_dump(left), f"the config: '{name}' is a required property")


LAUGHS = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
]
NO_YAML = "it is not YAML"
MALFORMED = [
    Malformed("missing", lambda folder: None, (FILE, "the config file does not exist")),
    text("nothing in it", "", "the config: "),
    text("a list", "[a, b]", "the config: "),
    text("half a list", "a: [1\nb: 2", NO_YAML),
    text("tabs", "a:\n\t- b", NO_YAML),
    text("Latin-1", "experiment: ä".encode("latin-1"), NO_YAML),
    text("an object of Python", "a: !!python/object/apply:os.mkdir [run]", NO_YAML),
    text("a key of a list", "? [a, b]\n: 1", NO_YAML),
    text("a thirteenth month", "a: 2026-13-01", NO_YAML),
    text("a tag that does not fit", "a: !!bool x", NO_YAML),
    text("lists without an end", "[" * 5000, NO_YAML),
    text("billion laughs", "\n".join(LAUGHS), "the config: it has more than 200000 entries"),
    text("a list of itself", "a: &a [*a]", "the config: it has more than 200000 entries or 50 levels"),
    text("code for Snakemake", "__use_yte__: true\n" + yaml.safe_dump(WHOLE), "there is no setting '__use_yte__'"),
    text("a number that is none", with_entry("seed", float("nan")), "the config: a value is not a finite number"),
    text("a date", with_entry("experiment", 5).replace("5", "2026-01-01", 1), "the config: a value is not"),
    *broken_settings(),
    entry("experiment", "../tiny", "experiment: "),
    entry("experiment", "tiny\n", "experiment: "),
    entry("experiment", "x" * 300, "experiment: "),
    entry("explainers.../x", {"method": "random"}, "explainers"),
    entry("classes", {"liver": ["liver"], "tumour": ["liver"]}, "classes: label 'liver' is in two classes"),
    entry("targets.liver.class", "spleen", "targets.liver.class: it names no entry of `classes`"),
    entry("targets.liver.kind", "corner", "targets.liver.kind: there is no kind 'corner'"),
    entry("targets.liver", {"class": "liver", "kind": "border", "inner_mm": 0, "outer_mm": 0}, "a border of 0 mm"),
    entry("preprocess.window", [240, -160], "preprocess.window: 240 is not below -160"),
    entry("preprocess.shape", [64, None, None], "preprocess.shape: the first two numbers are missing"),
    entry("cases.split_shares", {"train": 0, "test": 0}, "cases.split_shares: every share is 0"),
    entry("cases.first_slices", 5, "cases.first_slices: it means nothing without by_slice"),
    entry("cases", {"by_slice": True, "split_of": {"a": "test"}}, "cases.split_of: with by_slice"),
    entry("phantom.planted", "flag", "phantom.planted: there is no method 'flag'"),
    entry("segmenter.training.epochs", 0, "segmenter.training.epochs: 0 epochs leave an untrained network"),
    entry("segmenter.training.augmentation", "mirror", "there is no method 'mirror'"),
    entry("segmenter.training.patch", [8, 8, 8], "segmenter"),
    entry("segmenter.network.spatial_dims", 3, "segmenter.training.patch: volumes are trained on in patches"),
    entry("judges.original", {}, "judges.original: this is the segmenter itself"),
    entry("judges.one", {"start": "segmenter", "network": UNET}, "judges.one.network: a copy of the segmenter"),
    entry("interpreters.one", {"objective": {"method": "paper"}}, "interpreters.one: it has no `network`"),
    entry("interpreters.one.objective", {"method": "mine"}, "interpreters.one.objective: there is no method 'mine'"),
    entry("interpreters.one.weights", "${NOT_SET}/a.pt", "the environment variable NOT_SET is not set"),
    entry("explainers.mine", {"method": "crystal_ball"}, "explainers.mine: there is no method 'crystal_ball'"),
    entry("explainers.mine", {"method": "u_noise", "interpreter": "two"}, "explainers.mine.interpreter"),
    entry("explainers.mine", {"method": "random", "patch": 3}, "explainers.mine: there is no setting 'patch'"),
    entry("explainers.mine", {"method": "occlusion", "stride": 0}, "explainers.mine.stride: 0 is out of range"),
    entry("evaluation.obscurers.fog", {}, "evaluation.obscurers.fog: there is no method 'fog'"),
    entry("evaluation.obscurers.noise", {"sigma_hu": -1}, "evaluation.obscurers.noise.sigma_hu: -1 is out of range"),
    entry("contests.explainers", ["mine"], "contests.explainers: 'mine' is no entry of `explainers`"),
    entry("truth.explainer", "mine", "truth.explainer: 'mine' is no entry of `explainers`"),
    entry("stability.explainers", ["control-random"], "'control-random' has no interpreter to train again"),
    entry("noise", {"smallest_hu": 50, "largest_hu": 20}, "noise.largest_hu: it is not above smallest_hu"),
    entry("regions", {"border_mm": 30, "near_mm": 5}, "regions.near_mm: it is not above border_mm"),
    entry("regions.structures", {"near": ["liver"]}, "regions.structures.near: a class or a region has this name"),
    entry("forbidden.regions", ["pocket"], "forbidden.regions: there is no region 'pocket'"),
    entry("forbidden.explainers", ["control-random"], "forbidden.regions: no region is forbidden"),
    entry("paper_protocols.design-zero", {}, "paper_protocols"),
    entry("evaluation.kept_first", [0.5], "evaluation.kept_first: "),
    entry("preprocess.spacing", [3, 3], "preprocess.spacing: "),
    entry("preprocess.spacing", [3, 0, 3], "preprocess.spacing.1: 0 is out of range"),
]
