"""The one place where device, precision and threads are chosen, and where random numbers come from."""

import hashlib
import logging
import platform
import re
import resource
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unoise.errors import UserError, out_of_memory


@dataclass(frozen=True)
class Compute:
    """Where and how networks run.

    Attributes
    ----------
    device
        Of networks and batches.
    dtype
        torch.float32, or torch.bfloat16 for autocast.
    batch_size
        Slices, or windows of volumes, in a forward pass outside training.
    """

    device: torch.device
    dtype: torch.dtype
    batch_size: int

    def autocast(self) -> AbstractContextManager:
        """Mixed precision, where it is chosen."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def place(self, module: nn.Module) -> nn.Module:
        """Move a network to the device, in the memory format that is fast there."""
        fast = torch.contiguous_format
        if self.dtype == torch.bfloat16:
            volumes = any(weight.dim() == 5 for weight in module.parameters())
            fast = torch.channels_last_3d if volumes else torch.channels_last
        return module.to(self.device, memory_format=fast)


def choose(settings: dict, threads: int) -> Compute:
    """Resolve the config's `compute` on this machine and set the number of threads.

    Raises
    ------
    UserError
        If the device that is asked for is not there.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    wanted = settings["device"]
    name = next(kind for kind, there in available.items() if there) if wanted == "auto" else wanted
    if not available[name]:
        raise UserError(f"compute.device: {name} is not available here", remedy="Use `device: auto` or `cpu`")
    wanted = settings["precision"]
    fast = wanted == "bfloat16" or (wanted == "auto" and _has_bfloat16_matrices(name))
    return Compute(torch.device(name), torch.bfloat16 if fast else torch.float32, settings["batch_size"])


def _has_bfloat16_matrices(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and torch.cpu._is_amx_tile_supported()


def generator(*key: object) -> torch.Generator:
    """A generator on the CPU, seeded by a key: the same key gives the same numbers on every device."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator(device="cpu").manual_seed(int.from_bytes(digest[:7], "big"))


def normal(keys: Iterable[tuple], shape: Iterable[int], device: torch.device) -> Tensor:
    """Standard normal float32 numbers (len(keys), *shape), one seeded stream a key."""
    shape = tuple(shape)
    drawn = [torch.randn(shape, generator=generator(*key), device="cpu") for key in keys]
    return torch.stack(drawn).to(device)


def in_batches(function: Callable[..., Tensor], batch_size: int, *tensors: Tensor) -> Tensor:
    """Apply a function to slices of the first axis, smaller ones where memory runs out, and join the results."""
    run = halving(function)
    return torch.cat([run(*parts) for parts in zip(*(t.split(batch_size) for t in tensors), strict=True)])


def halving(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function of batches (N, …), which halves them, and keeps to the half, when memory runs out.

    Raises
    ------
    UserError
        When called, if memory does not suffice for a batch of one.
    """
    most = sys.maxsize

    def run(*tensors: Tensor) -> Tensor:
        nonlocal most
        size = len(tensors[0])
        try:
            if size <= most:
                return function(*tensors)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise UserError(
                    "memory ran out for a single slice or window",
                    remedy="Let fewer jobs run side by side (--cores), or choose smaller ones",
                ) from None
            most = size // 2
            logging.getLogger("unoise").warning("memory ran out for a batch of %d: on with %d", size, most)
        return torch.cat([run(*parts) for parts in zip(*(t.split(most) for t in tensors), strict=True)])

    return run


def peak_mib(device: torch.device) -> float:
    """The most memory that this process (on a CUDA device: its tensors) has held so far, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def processor() -> str:
    """The name of this machine's processor."""
    listing = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", listing.read_text(), re.MULTILINE) if listing.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()
