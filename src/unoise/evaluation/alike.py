"""How alike two maps of the same voxels are."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from unoise.evaluation.masks import ranks, visible

VISIBILITY = 0.1
_NOTHING = 1e-3  # norm of what is left of standardised ranks


def alike(one: Tensor, other: Tensor, field: Tensor) -> tuple[float, float]:
    """Rank correlation and overlap of two maps.

    Parameters
    ----------
    one, other
        Values of the same voxels (V,).
    field
        Breaks ties (V,); see `unoise.evaluation.masks.tie_breakers`.

    Returns
    -------
    tuple
        Spearman's rank correlation (NaN where a map is constant), and the share of the `VISIBILITY` most important
        voxels of one that are so in the other too (NaN where that share is no voxel).
    """
    masks = [visible(ranks(values[None], field[None]), VISIBILITY, "kept_first")[0] for values in (one, other)]
    placed = [_placed(values) for values in (one, other)]
    return float((placed[0] * placed[1]).sum()), float((masks[0] & masks[1]).sum() / masks[0].sum())


def alike_beside(one: Tensor, other: Tensor, common: Sequence[Tensor]) -> float:
    """Partial rank correlation: Spearman's of two maps (V,), of what the ranks of some common maps (V,) do not explain.

    NaN where a map is constant, or nothing of it is left.
    """
    placed = np.stack([_placed(values) for values in (one, other)], 1)
    shared = np.nan_to_num(np.stack([_placed(values) for values in common], 1))
    if np.isnan(placed).any():
        return np.nan
    left = placed - shared @ np.linalg.lstsq(shared, placed, rcond=None)[0]
    sizes = np.linalg.norm(left, axis=0)
    return float(left[:, 0] @ left[:, 1] / sizes.prod()) if sizes.min() > _NOTHING else np.nan


def _placed(values: Tensor) -> np.ndarray:
    return _standardised(rankdata(values.cpu().numpy()))


def _standardised(values: np.ndarray) -> np.ndarray:
    """Values (V,) with mean 0 and norm 1; NaN where all are equal."""
    centred = values - values.mean()
    size = np.linalg.norm(centred)
    return centred / (size if size > 0 else np.nan)
