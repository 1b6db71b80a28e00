"""Keep the prediction at every visibility: one map whose thresholds are all masks (this project's objective)."""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from unoise.data.nearness import nearness
from unoise.errors import UserError
from unoise.networks.segmenter import Segmenter
from unoise.targets.base import soft_dice
from unoise.targets.class_target import ClassTarget
from unoise.training.fillings import CONTENTS, FILLINGS, mixed
from unoise.training.loop import Moment
from unoise.training.objectives.base import Batch, Objective

SETTINGS = {
    "visibilities": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "default": [0.008, 0.2],
        "description": "Smallest and largest visible fraction that is drawn, log-uniform",
    },
    "softness": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "default": [0.9, 0.3],
        "description": "Width of the mask's edge at the start and at the end, as a share of the visible fraction",
    },
    "fillings": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "enum": [
                "zero",
                "mean",
                "noise",
                "constant",
                "texture",
                "shuffled",
                "rolled",
                "flipped",
                "deformed",
                "nudged",
            ]
        },
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
        "default": {
            "zero": 2,
            "mean": 2,
            "noise": 3,
            "constant": 1,
            "texture": 0.5,
            "shuffled": 0.5,
            "rolled": 0.5,
            "flipped": 0.5,
            "deformed": 2,
            "nudged": 8,
        },
        "description": "What hidden voxels become in training, each with its share",
    },
    "leak": {
        "type": "number",
        "minimum": 0,
        "default": 0.1,
        "description": "Weight of what the mask's shape tells about the organ, beside what the mask shows",
    },
    "anchor": {
        "enum": ["distance", "none"],
        "default": "distance",
        "description": "What the output is added to; distance: nearness to the predicted organ, a control",
    },
}
TRAINS_WITH = "fillings"
_CROSS_ENTROPY = 5.0  # beside a Dice loss of weight 1


class VisibilityObjective(Objective):
    """Dice and cross-entropy with the clean prediction when all but the map's highest voxels are filled.

    Each image draws a visibility; the map's quantile there, softened, is the mask; the other voxels are filled by
    something made from the image itself or from nothing. So that the mask shows and does not tell, content without this
    image's organ, seen through the mask, shall not be segmented as the organ more than it is through another image's
    mask.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        visibilities: tuple[float, float],
        softness: tuple[float, float],
        fillings: dict[str, float],
        leak: float,
        anchor: str,
    ):
        super().__init__(segmenter)
        if visibilities[0] > visibilities[1]:
            raise UserError("visibilities: {:g} is above {:g}".format(*visibilities), remedy="Exchange them")
        mean = partial(_mean, value=segmenter.body_mean)
        self.fillings = {(FILLINGS | {"mean": mean})[name]: share for name, share in fillings.items()}
        self.backgrounds = {mean: 2.0, FILLINGS["zero"]: 1.0, FILLINGS["constant"]: 1.0}
        self.contents = dict.fromkeys(CONTENTS.values(), 1.0) | {CONTENTS["deformed"]: float(len(CONTENTS))}
        self.visibilities, self.softness, self.leak, self.anchor = visibilities, softness, leak, anchor

    def loss(self, output: Tensor, batch: Batch, target: ClassTarget, moment: Moment) -> Tensor:
        images, organ = batch.images, target.predicted(batch.probabilities).float()
        start, end = self.softness
        low, high = map(math.log, self.visibilities)
        drawn = torch.empty(len(images), device="cpu").uniform_(low, high, generator=moment.random).exp()
        maps = importance(output[:, 0], organ, self.anchor)[:, None]
        mask = soft_mask(maps, drawn.to(output.device), start * (end / start) ** moment.progress)
        seen = torch.lerp(mixed(images, self.fillings, moment.random), images, mask)
        logits = target.probability(self.segmenter.logits(seen))
        cross_entropy = functional.binary_cross_entropy_with_logits(logits, organ)
        fit = 1 - soft_dice(logits.sigmoid(), organ).mean() + _CROSS_ENTROPY * cross_entropy
        return fit + self.leak * self._leak(mask, images, organ, target, moment) if self.leak else fit

    def _leak(self, mask: Tensor, images: Tensor, organ: Tensor, target: ClassTarget, moment: Moment) -> Tensor:
        content, background = (mixed(images, kinds, moment.random) for kinds in (self.contents, self.backgrounds))

        def told(shape: Tensor) -> Tensor:
            seen = torch.lerp(background, content, shape)
            return soft_dice(target.probability(self.segmenter.logits(seen).sigmoid()), organ)

        with torch.no_grad():
            by_chance = told(mask.roll(1, 0))
        return (told(mask) - by_chance).clamp_min(0).mean()


def importance(output: Tensor, organ: Tensor, anchor: str) -> Tensor:
    """The importance map: an interpreter's output (N, *S) added to its anchor, of the predicted organ (N, *S)."""
    return output + ANCHORS[anchor](organ)


def soft_mask(maps: Tensor, visibility: Tensor, softness: float) -> Tensor:
    """Masks (N, 1, *S) in [0, 1] that pass one half where a map reaches its quantile.

    Parameters
    ----------
    maps
        (N, 1, *S).
    visibility
        Visible fraction v of each, (N,).
    softness
        Width s of the edge: the masks fall from .88 to .12 (a logistic function, from 2 to -2) between the quantiles
        of v (1 - s) and v (1 + s), so that a small mask has a sharp edge where a large one has a wide one.
    """
    ranked = maps.detach().flatten(1).sort(dim=1, descending=True).values
    shape = (-1, *[1] * (maps.dim() - 1))

    def quantile(fraction: Tensor) -> Tensor:
        place = (fraction * ranked.shape[1]).long().clamp(1, ranked.shape[1]) - 1
        return ranked.gather(1, place[:, None]).reshape(shape)

    width = (quantile(visibility * (1 - softness)) - quantile(visibility * (1 + softness))) / 4
    return ((maps - quantile(visibility)) / width.clamp_min(1e-6)).sigmoid()


ANCHORS = {"distance": nearness, "none": torch.zeros_like}


def _mean(images: Tensor, random: torch.Generator, value: float) -> Tensor:
    return torch.full_like(images, value)


OBJECTIVE = VisibilityObjective
