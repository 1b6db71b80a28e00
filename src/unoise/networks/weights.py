"""Weights from a file: this project's models, and the layout of the published U-Noise models."""

import re
import zipfile
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from unoise.errors import UserError
from unoise.networks.build import Normalised

# What a published checkpoint holds beside tensors; none of it is needed, and none of its code is run.
_LIGHTNING = [
    (dict, "pytorch_lightning.utilities.parsing.AttributeDict"),
    (dict, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
]
_PREFIXES = ("", "model.", "noise_model.")
# Places in the published blocks, which are plain lists, of what MONAI's blocks name.
_BLOCK = {"0": "0.conv", "1": "0.adn.N", "3": "1.conv", "4": "1.adn.N"}
_UP = {"1": "1.conv", "2": "1.adn.N"}


def load_weights(network: Normalised, path: Path) -> None:
    """Fill a network with weights from a `.safetensors` file, or from a PyTorch file (read as weights only).

    Names may be those of the network or those of the published U-Noise models (whose Lightning checkpoints put
    `model.` before a segmenter's and `noise_model.` before an interpreter's). A network that sees the prediction beside
    the image takes weights of one that sees the image alone: it begins by looking away from the further channel.

    Raises
    ------
    UserError
        If the file cannot be read as weights, or they do not fit the network.
    """
    stored = _read(path)
    wanted = network.network.state_dict()
    reason = "it has none of the network's names"
    for prefix in _PREFIXES:
        mine = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
        for found in (mine, {_translated(name): value for name, value in mine.items()}):
            common = wanted.keys() & found.keys()
            if not common:
                continue
            found = {name: _widened(value, wanted.get(name)) for name, value in found.items()}
            missing = sorted(wanted.keys() - found.keys())
            unfit = sorted(name for name in common if wanted[name].shape != found[name].shape)
            if not missing and not unfit:
                _check_numbers({name: found[name] for name in wanted}, path)
                network.network.load_state_dict({name: found[name] for name in wanted})
                return
            name = (missing or unfit)[0]
            stands = tuple(found[name].shape) if name in found else "missing"
            reason = f"{name} is {stands}, the network has {tuple(wanted[name].shape)}"
    raise UserError(
        f"its weights do not fit the network ({reason})", file=path, remedy="Name the network that they were trained in"
    )


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        if zipfile.is_zipfile(path) and any(one.compress_type for one in zipfile.ZipFile(path).infolist()):
            raise ValueError("its content is compressed, which PyTorch never does")
        with torch.serialization.safe_globals(_LIGHTNING):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a malformed pickle may raise anything
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"it cannot be read as weights ({reason})",
            file=path,
            remedy="Save the weights alone, as safetensors, where you trust the file",
        ) from None
    content = content.get("state_dict", content) if isinstance(content, dict) else {}
    content = content if isinstance(content, dict) else {}
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor) and value.layout == torch.strided and value.is_cpu
    }


def _check_numbers(weights: dict[str, Tensor], path: Path) -> None:
    for name, value in weights.items():
        what = "complex numbers" if value.is_complex() else "" if value.double().isfinite().all() else "not all finite"
        if what:
            raise UserError(f"its weights {name} are {what}", file=path, remedy="Give weights of a sound training")


def _widened(value: Tensor, wanted: Tensor | None) -> Tensor:
    """Convolution weights (C, 1, *K) with zeros for a second channel, where (C, 2, *K) are wanted."""
    if wanted is None or value.shape[1:2] != (1,) or wanted.shape != (len(value), 2, *value.shape[2:]):
        return value
    return torch.cat([value, torch.zeros_like(value)], dim=1)


def _translated(name: str) -> str:
    """A published name as this project's `PlainUNet` has it."""
    name = re.sub(r"^(downs\.\d+|ups\.\d+\.conv)\.([0134])\.", lambda m: f"{m[1]}.{_BLOCK[m[2]]}.", name)
    name = re.sub(r"^(ups\.\d+\.up)\.([12])\.", lambda m: f"{m[1]}.{_UP[m[2]]}.", name)
    return re.sub(r"^conv1x1\.", "conv1x1.conv.", name)
