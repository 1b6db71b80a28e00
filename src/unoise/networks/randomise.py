"""Segmenters of random weights, wholly or from the output on (Adebayo et al. 2018, arXiv 1810.03292)."""

import copy
from collections.abc import Collection, Sequence
from pathlib import Path

import torch
import yaml

from unoise.compute import choose, generator
from unoise.files import whole_file, write_json
from unoise.networks.build import Normalised, build_network
from unoise.networks.models import load_model, save_model
from unoise.networks.segmenter import Segmenter


def randomise(settings: dict, segmenter: Path, out: dict[str, Path], compute: dict) -> None:
    """Write a model that is a segmenter's in all but its weights and statistics: those of a network never trained.

    Parameters
    ----------
    settings
        The `seed`, and the name of the `segmenter`.
    segmenter
        Its model file.
    out
        Paths of `weights`, `config` and `card`.
    compute
        The config's `compute`.
    """
    with torch.random.fork_rng(devices=[]):
        _, card = load_model(segmenter, choose(compute, compute["case_threads"]))
        torch.manual_seed(generator(settings["seed"], "randomised").initial_seed())
        network = build_network(card["network"], card["out_channels"])
    with whole_file(out["config"]) as temporary:
        temporary.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    card |= {"pretrained": False, "randomised": settings["segmenter"]}
    write_json(out["card"], card)
    save_model(out["weights"], network, card)


def layers(network: Normalised, shape: Sequence[int]) -> list[str]:
    """Names of the layers, modules with weights or statistics of their own, from the output to the input.

    By the order in which a forward pass first leaves them; what it does not pass comes last.

    Parameters
    ----------
    shape
        Of an image that the network takes, without batch and channels.
    """
    inner = network.network
    own = dict.fromkeys(_layer(key) for key in inner.state_dict())
    passed: dict[str, None] = {}
    hooks = [
        module.register_forward_hook(lambda *_, name=name: passed.setdefault(name))
        for name, module in inner.named_modules()
        if name in own
    ]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 1, *shape, device=network.mean.device))
    finally:
        for hook in hooks:
            hook.remove()
    return [*reversed(passed), *(name for name in own if name not in passed)]


def with_layers_of(segmenter: Segmenter, other: Normalised, names: Collection[str]) -> Segmenter:
    """A copy of a segmenter in which the layers of these names are those of another network of the same shape."""
    network = copy.deepcopy(segmenter.network)
    own, theirs = network.network.state_dict(), other.network.state_dict()
    network.network.load_state_dict({key: (theirs if _layer(key) in names else own)[key] for key in own})
    return Segmenter(
        network, segmenter.classes, segmenter.window, segmenter.body_mean, segmenter.compute, segmenter.windows
    )


def _layer(key: str) -> str:
    return key.rpartition(".")[0]
