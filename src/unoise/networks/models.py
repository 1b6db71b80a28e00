"""Models on disk: weights as safetensors, with a card that says what they expect."""

import json
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open

from unoise.compute import Compute
from unoise.errors import UserError
from unoise.files import whole_file
from unoise.networks.build import Normalised, build_network


def save_model(path: Path, network: Normalised, card: dict) -> None:
    """Write weights and card into one safetensors file (the card as its metadata), whole or not at all.

    Parameters
    ----------
    card
        Plain built-in values; `network` and `out_channels` are what `load_model` builds it from.
    """
    weights = {name: value.detach().cpu().contiguous() for name, value in network.network.state_dict().items()}
    with whole_file(path) as temporary:
        safetensors.torch.save_file(weights, temporary, metadata={"card": json.dumps(card)})


def read_card(path: Path) -> dict:
    """The card of a file of weights; empty where it has none."""
    try:
        with safe_open(path, "pt") as file:
            card = json.loads(file.metadata()["card"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def load_model(path: Path, compute: Compute) -> tuple[Normalised, dict]:
    """A stored network, frozen and in evaluation mode on the device, and its card.

    Raises
    ------
    UserError
        If the file is no model of ours or the weights do not fit the network its card names.
    """
    try:
        with safe_open(path, "pt") as file:
            card = json.loads(file.metadata()["card"])
        network = build_network(card["network"], card["out_channels"])
        network.network.load_state_dict(safetensors.torch.load_file(path))
    except Exception as error:  # a foreign card may make the network raise anything
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"it is not a model of this project ({reason})", file=path, remedy="Train it again") from None
    return compute.place(network.eval().requires_grad_(False)), card
