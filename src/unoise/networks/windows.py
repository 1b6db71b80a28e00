"""How a 3D network goes over a volume: in overlapping windows whose borders leave no seam."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from monai.data.utils import dense_patch_slices
from monai.inferers import sliding_window_inference
from torch import Tensor

from unoise.compute import halving


@dataclass(frozen=True)
class Windows:
    """Windows of one size, averaged with Gaussian weights (Isensee et al. 2021, doi 10.1038/s41592-020-01008-z).

    Attributes
    ----------
    patch
        Voxels of a window along X, Y and Z. A smaller volume is padded with air.
    overlap
        Share of a window that its neighbour covers too.
    """

    patch: Sequence[int]
    overlap: float

    @classmethod
    def of(cls, settings: dict) -> "Windows | None":
        """Of a model, from its settings or its card; None for a model of slices."""
        return cls(**settings["inference"]) if "inference" in settings else None

    def over(self, function: Callable[..., Tensor], batch_size: int, *volumes: Tensor) -> Tensor:
        """Apply a function of windows (N, Cᵢ, *patch) → (N, C, *patch) to volumes of one grid (N, Cᵢ, X, Y, Z).

        Gives (N, C, X, Y, Z). A batch is halved where memory runs out.
        """
        channels = [one.shape[1] for one in volumes]
        run = halving(lambda joined: function(*joined.split(channels, dim=1)))
        joined = torch.cat(volumes, dim=1)
        return sliding_window_inference(joined, self.patch, batch_size, run, self.overlap, mode="gaussian")

    def count(self, shape: Sequence[int]) -> int:
        """How many windows cover a volume of this shape."""
        return prod(len({one.start for one in axis}) for axis in self._spans(shape))

    def borders(self, shape: Sequence[int]) -> list[list[int]]:
        """Along each axis of a volume, the voxels before which a window begins or ends, inside the volume."""
        return [
            sorted({place for one in axis for place in (one.start, one.stop) if 0 < place < size})
            for axis, size in zip(self._spans(shape), shape, strict=True)
        ]

    def _spans(self, shape: Sequence[int]) -> list[tuple[slice, ...]]:
        """The windows' extents along each axis, where `sliding_window_inference` puts them."""
        steps = [max(1, int(side * (1 - self.overlap))) for side in self.patch]
        return list(zip(*dense_patch_slices(shape, self.patch, steps), strict=True))
