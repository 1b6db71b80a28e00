"""Whether all networks and objectives of a config can be had, asked before the first of them is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

from unoise.compute import choose
from unoise.errors import UserError
from unoise.networks.build import check_fit, fitting_network
from unoise.networks.segmenter import Segmenter
from unoise.networks.windows import Windows
from unoise.workflow import methods


def check_networks(config: dict) -> None:
    """Build every network of a completed config, and every objective, untrained.

    Raises
    ------
    UserError
        As `fitting_network` and the objectives do, with the config's entry.
    """
    classes, own = list(config["classes"]), config["segmenter"]
    with _about("segmenter"):
        network = fitting_network(own["network"], len(classes), _shape(config, own), Windows.of(own))
    compute = choose(config["compute"], config["compute"]["training_threads"])
    segmenter = Segmenter(network.eval(), classes, (0.0, 1.0), 0.0, compute)
    for name, judge in config["judges"].items():
        with _about(f"judges.{name}"):
            fitting_network(
                judge.get("network", own["network"]), len(classes), _shape(config, judge), Windows.of(judge)
            )
    for name, interpreter in config["interpreters"].items():
        shape, settings = _shape(config, interpreter), dict(interpreter["objective"])
        with _about(f"interpreters.{name}"):
            fitting_network(interpreter["network"], len(classes), shape, Windows.of(interpreter))
            methods.find("training.objectives", settings.pop("method")).load().OBJECTIVE(segmenter, **settings)
        with _about(f"interpreters.{name}, of which the segmenter sees what it is trained on"):
            check_fit(network, own["network"]["name"], len(classes), shape)
    if config["probe"]["explainers"]:
        with _about("probe"):
            fitting_network(config["probe"]["network"], 1, config["preprocess"]["shape"][:2])


def _shape(config: dict, entry: dict) -> list[int]:
    """Of what a network sees in training."""
    return entry["training"].get("patch", config["preprocess"]["shape"][:2])


@contextmanager
def _about(entry: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"{entry}: {error.what}", remedy=error.remedy) from None
