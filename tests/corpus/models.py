"""Files that are no weights of the network, or more than weights, given to what loads them."""

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from made import CPU

from corpus import Malformed
from unoise.networks.build import build_network
from unoise.networks.models import load_model
from unoise.networks.weights import load_weights

NETWORK = {"name": "UNet", "input": "window", "spatial_dims": 2, "channels": [4, 8], "strides": [2]}
RUN = "run"  # the folder that foreign code would make


class Code:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> tuple:
        return os.mkdir, (RUN,)


def read(folder: Path) -> None:
    """Load the file `model.…` of a folder as the workflow does its own, `weights.…` as weights of the user's."""
    own = folder / "model.safetensors"
    if own.exists():
        load_model(own, CPU)
    else:
        load_weights(build_network(NETWORK, 1), next(folder.glob("weights.*"), folder / "weights.pt"))


def sound(**changed: torch.Tensor) -> OrderedDict:
    """The network's weights, and some in the place of others."""
    torch.manual_seed(0)
    return build_network(NETWORK, 1).network.state_dict() | changed


NAME = next(iter(sound()))


def first(value: float, kind: torch.dtype = torch.float32) -> OrderedDict:
    weights = sound()[NAME].to(kind)
    weights.view(-1)[0] = value
    return sound(**{NAME: weights})


def pickled(name: str, content: Callable[[], object], *says: str, file: str = "weights.pt", **how: bool) -> Malformed:
    """What `torch.save` makes of something."""
    return Malformed(name, lambda folder: torch.save(content(), folder / file, **how), (file, *says))


def bytes_(name: str, content: Callable[[], bytes], *says: str, file: str = "weights.safetensors") -> Malformed:
    return Malformed(name, lambda folder: (folder / file).write_bytes(content()), (file, *says))


def safe(header: dict | str, data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(shape: list[int], end: int) -> dict:
    return {NAME: {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


def model(name: str, card: str | None, *says: str) -> Malformed:
    """A model of the project with a foreign card."""
    metadata = None if card is None else {"card": card}
    content = safetensors.torch.save(sound(), metadata)
    return bytes_(name, lambda: content, "it is not a model of this project", *says, file="model.safetensors")


def card(**changed: object) -> str:
    return json.dumps({"network": NETWORK, "out_channels": 1} | changed)


def compressed(folder: Path) -> None:
    """The archive that PyTorch writes, its 64 MiB of zeros compressed to 64 KiB."""
    plain = folder / "plain"
    torch.save(sound(more=torch.zeros(2**24)), plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(folder / "weights.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.namelist():
            new.writestr(one, old.read(one))
    plain.unlink()


def script(folder: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 4, 4)), folder / "weights.pt")


NO_WEIGHTS, UNFIT = "it cannot be read as weights", "its weights do not fit the network"
MALFORMED = [
    pickled("code", Code, NO_WEIGHTS),
    pickled("code in a checkpoint", lambda: {"state_dict": sound(), "callbacks": Code()}, NO_WEIGHTS),
    pickled("code among weights", lambda: sound(more=Code()), NO_WEIGHTS, file="weights.ckpt"),
    pickled("code in an old file", Code, NO_WEIGHTS, file="weights.pth", _use_new_zipfile_serialization=False),
    pickled("code that is said to be safe", Code, NO_WEIGHTS, file="weights.safetensors"),
    pickled("code in our own place", Code, "it is not a model of this project", file="model.safetensors"),
    bytes_("code without PyTorch", lambda: pickle.dumps(Code()), NO_WEIGHTS, file="weights.pkl"),
    pickled("a whole network", lambda: build_network(NETWORK, 1), NO_WEIGHTS),
    Malformed("TorchScript", script, ("weights.pt", NO_WEIGHTS)),
    Malformed("compressed", compressed, ("weights.pt", NO_WEIGHTS, "its content is compressed")),
    pickled("a list", lambda: [torch.zeros(2)], UNFIT),
    pickled("names that are numbers", lambda: {1: torch.zeros(2)}, UNFIT),
    pickled("no tensors", lambda: {NAME: "zero"}, UNFIT),
    pickled("other names", lambda: {"conv.weight": torch.zeros(2)}, UNFIT, "it has none of the network's names"),
    pickled("one name missing", lambda: {NAME: sound()[NAME]}, UNFIT, "is missing, the network has"),
    pickled("another shape", lambda: sound(**{NAME: torch.zeros(4, 3, 3, 3)}), UNFIT, f"{NAME} is (4, 3, 3, 3)"),
    pickled("one number for a terabyte", lambda: sound(**{NAME: torch.zeros(1).expand(2**20, 2**20)}), UNFIT),
    pickled("weights that are nowhere", lambda: sound(**{NAME: torch.zeros(4, 1, 3, 3, device="meta")}), UNFIT),
    pickled("sparse weights", lambda: sound(**{NAME: sound()[NAME].to_sparse()}), UNFIT),
    pickled("NaN", lambda: first(float("nan")), f"its weights {NAME} are not all finite"),
    pickled("Inf", lambda: first(float("inf")), f"its weights {NAME} are not all finite"),
    pickled("NaN of half precision", lambda: first(float("nan"), torch.bfloat16), "are not all finite"),
    pickled("complex numbers", lambda: first(1, torch.complex64), f"its weights {NAME} are complex numbers"),
    bytes_("nothing in it", lambda: b"", NO_WEIGHTS),
    bytes_("nothing in a checkpoint", lambda: b"", NO_WEIGHTS, file="weights.ckpt"),
    bytes_("text", lambda: b"a note, not weights", NO_WEIGHTS, file="weights.ckpt"),
    bytes_("cut short", lambda: safetensors.torch.save(sound())[:-100], NO_WEIGHTS),
    bytes_("a header of exabytes", lambda: (2**62).to_bytes(8, "little") + b"{}", NO_WEIGHTS),
    bytes_("a header of no JSON", lambda: safe("{,}"), NO_WEIGHTS),
    bytes_("weights beyond the end", lambda: safe(tensor([4, 1, 3, 3], 144), bytes(40)), NO_WEIGHTS),
    bytes_("weights of another size", lambda: safe(tensor([10**9, 10**9], 8), bytes(8)), NO_WEIGHTS),
    Malformed("missing", lambda folder: None, ("weights.pt", NO_WEIGHTS)),
    model("no card", None),
    model("a card of no JSON", "{"),
    model("a card in a list", "[]"),
    model("a card without a network", "{}", "network"),
    model("a network of a number", card(network=5)),
    model("a network that is none", card(network=NETWORK | {"name": "os"}), "Train it again"),
    model("a network of another shape", card(network=NETWORK | {"channels": [8, 8]}), "size mismatch"),
    model("a network of words", card(network=NETWORK | {"channels": "many"})),
    model("a network without channels", card(out_channels=0)),
]
