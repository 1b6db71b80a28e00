"""Networks and objectives that cannot be had are refused before anything is trained."""

from pathlib import Path

import pytest
import yaml

from unoise.errors import UserError
from unoise.training.beforehand import check_networks
from unoise.workflow.config import complete

CONFIGS = Path(__file__).parent / "configs"
SMALL = {"name": "UNet", "channels": [4, 8], "strides": [2]}


def completed(name: str, entry: dict, place: str, key: str | None = None) -> dict:
    config = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    part = config.setdefault(place, {})
    part.update({key: entry} if key else entry)
    return complete(config)


@pytest.mark.parametrize("name", ["miniature", "paper", "targets", "volumes"])
def test_what_can_be_had_passes(name):
    check_networks(complete(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("place", "key", "entry", "said"),
    [
        ("judges", "mine", {"network": {"name": "NoNet"}}, r"judges\.mine: .*no network 'NoNet'"),
        (
            "interpreters",
            "mine",
            {"network": SMALL | {"channels": "abc"}, "objective": {"method": "paper"}},
            r"interpreters\.mine: network: UNet refuses",
        ),
        (
            "interpreters",
            "mine",
            {"network": SMALL, "objective": {"method": "paper", "noise_min": 5}},
            r"interpreters\.mine: noise_min 5 is above noise_max 1\.125\. Exchange",
        ),
        (
            "interpreters",
            "mine",
            {"network": SMALL, "objective": {"method": "visibility", "visibilities": [0.5, 0.1]}},
            r"interpreters\.mine: visibilities: 0\.5 is above 0\.1",
        ),
        ("probe", None, {"network": {"name": "Nope"}}, r"probe: .*no network 'Nope'"),
    ],
)
def test_what_cannot_be_had_is_named(place, key, entry, said):
    with pytest.raises(UserError, match=said):
        check_networks(completed("miniature", entry, place, key))


def test_the_segmenter_must_fit_what_an_interpreter_learns_from():
    network, patch = SMALL | {"strides": [1]}, {"patch": [8, 8, 5]}
    entry = {"network": network, "objective": {"method": "paper"}, "training": patch}
    with pytest.raises(UserError, match=r"interpreters\.mine, of which the segmenter sees .*8 x 8 x 5"):
        check_networks(completed("volumes", entry, "interpreters", "mine"))
