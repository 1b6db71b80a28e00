"""A noisy linear interpolation from the visible voxels (Rong et al. 2022, arXiv 2202.00449, section 5)."""

from functools import cache, reduce

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import cg
from torch import Tensor

from unoise.compute import normal
from unoise.data.units import Units
from unoise.obscurers.base import Obscurer, Surroundings

SETTINGS = {
    "sigma_hu": {
        "type": "number",
        "minimum": 0,
        "default": 4,
        "description": "Standard deviation in HU of the noise on the interpolation (published: 0.01 in image units)",
    }
}
TOLERANCE = 1e-5  # of the conjugate gradients: norm of what is left over norm of the right-hand side
SECONDS_PER_VOXEL = {2: 3e-6, 3: 6e-6}


class Road(Obscurer):
    """A hidden voxel becomes the weighted mean of its neighbours, hidden ones too, plus a little noise.

    So that nothing can be read off the mask's border. The interpolation solves a sparse linear system for each mask.
    Where nothing of a unit is visible, all of it becomes the body mean (and noise).
    """

    def __init__(self, sigma_hu: float):
        self.sigma_hu = sigma_hu

    @classmethod
    def seconds(cls, shape: tuple[int, ...]) -> float:
        return SECONDS_PER_VOXEL[len(shape)] * float(np.prod(shape))

    def fill(self, units: Units, around: Surroundings) -> Tensor:
        """The body mean and the noise, which has mean 0 in each unit and is the same for all masks."""
        keys = [(around.seed, "road", units.case, index) for index in units.index]
        drawn = normal(keys, units.images.shape[1:], units.images.device)
        centred = drawn - _means(drawn)
        return around.body_mean + centred * (self.sigma_hu / (around.window[1] - around.window[0]))

    def obscure(self, images: Tensor, visible: Tensor, filling: Tensor) -> Tensor:
        mean = _means(filling)
        pairs = zip(images[:, 0].cpu().numpy(), visible[:, 0].cpu().numpy(), mean.flatten().tolist(), strict=True)
        smooth = torch.from_numpy(np.stack([interpolated(*one) for one in pairs])).to(images)
        return torch.where(visible, images, smooth[:, None] + (filling - mean))


def interpolated(image: np.ndarray, visible: np.ndarray, otherwise: float) -> np.ndarray:
    """The image (*S) with each hidden voxel the weighted mean of its neighbours; `otherwise` where none is visible.

    Solved by conjugate gradients to `TOLERANCE`, preconditioned by the diagonal, from the mean of the visible voxels.
    """
    values = image.ravel().astype(np.float64)
    hidden, shown = np.flatnonzero(~visible), np.flatnonzero(visible)
    if not len(shown):
        return np.full_like(image, otherwise)
    if len(hidden):
        weights = neighbour_weights(image.shape)
        rows, total = weights[hidden], weights.sum(1)[hidden]
        start = values[shown].mean()  # what is solved for is the difference from it
        system = sparse.diags_array(total) - rows[:, hidden]
        known = rows[:, shown] @ (values[shown] - start)
        difference, failed = cg(system.tocsr(), known, rtol=TOLERANCE, M=sparse.diags_array(1 / total))
        if failed:
            raise ArithmeticError(f"the interpolation of {len(hidden)} hidden voxels did not converge")
        values[hidden] = start + difference
    return values.reshape(image.shape).astype(image.dtype)


@cache
def neighbour_weights(shape: tuple[int, ...]) -> sparse.csr_array:
    """Symmetric weights between the voxels of a grid (voxels, voxels).

    Neighbours across an edge or a corner count half and a quarter of those across a face; in two dimensions 1/12 and
    1/6 after division by the sum, as published. Where the grid ends there are fewer.
    """
    sides = [sparse.diags_array([np.ones(n - 1), np.full(n, 2.0), np.ones(n - 1)], offsets=[-1, 0, 1]) for n in shape]
    weights = sparse.csr_array(reduce(sparse.kron, sides))
    weights.setdiag(0)
    weights.eliminate_zeros()
    return weights


def _means(units: Tensor) -> Tensor:
    """Of each unit (N, 1, *S), as (N, 1, …, 1)."""
    return units.mean(tuple(range(1, units.ndim)), keepdim=True)


OBSCURER = Road
