"""What Captum and MONAI do for the explainers of this project, at equal settings, for `explainers.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from captum import attr
from monai.visualize import OcclusionSensitivity
from torch import Tensor, nn
from torch.nn.functional import interpolate

from unoise.data.units import Units
from unoise.explainers.base import Context
from unoise.explainers.kernel_shap import KernelShap

LAYER = "model.1.submodule.1.submodule.2"


@dataclass(frozen=True)
class Peer:
    """A library's method.

    Attributes
    ----------
    name
        Library and method.
    map
        Gives its map (N, *S) for what our explainer is given.
    exact
        Whether the two maps must be equal; otherwise both draw at random.
    """

    name: str
    map: Callable[[Context, Units, dict], Tensor]
    exact: bool = True


class Left(nn.Module):
    """The agreement with a unit's clean prediction (N, 1), which methods by perturbation explain."""

    def __init__(self, context: Context, units: Units):
        super().__init__()
        self.network, self.context, self.clean = context.segmenter.network, context, units.probabilities
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        now = self.network(images).sigmoid()
        return self.context.target.agreement(now, self.clean.expand_as(now))[:, None]


def captum_occlusion(context: Context, units: Units, own: dict) -> Tensor:
    """Captum's windows, in batches as large as ours."""
    windows, steps = (1, own["patch"], own["patch"]), (1, own["stride"], own["stride"])
    size = context.compute.batch_size
    method = attr.Occlusion(lambda images: Left(context, units)(images)[:, 0])
    return method.attribute(units.images, windows, steps, own["fill"], perturbations_per_eval=size)[:, 0]


def monai_occlusion(context: Context, units: Units, own: dict) -> Tensor:
    """MONAI's mean of what is left, turned into the fall."""
    left, size, overlap = Left(context, units), context.compute.batch_size, 1 - own["stride"] / own["patch"]
    with torch.no_grad():
        method = OcclusionSensitivity(left, own["patch"], size, False, own["fill"], overlap, activate=False)
        return (left(units.images)[0, 0] - method(units.images)[0].as_tensor())[:, 0]


class LeastSquares:
    """Weighted least squares, which Captum takes from scikit-learn."""

    def fit(self, samples: Iterator) -> None:
        """Of one batch of coalitions, worth and weights."""
        shown, worth, weights = next(iter(samples))
        root = weights.double().sqrt()[:, None]
        design = torch.cat([shown, torch.ones_like(shown[:, :1])], 1).double()
        self.values = torch.linalg.lstsq(root * design, root * worth.double()[:, None], driver="gelsd").solution

    def representation(self) -> Tensor:
        """The features' values, without the constant."""
        return self.values[:-1, 0].float()


def captum_kernel_shap(context: Context, units: Units, own: dict) -> Tensor:
    """Captum's, on our supervoxels."""
    features = KernelShap(context, **own).features(units, 0)[None, None]
    method = attr.KernelShap(lambda images: Left(context, units)(images)[:, 0])
    method.interpretable_model = LeastSquares()
    size, count = context.compute.batch_size, own["samples"] + 2
    images = units.images
    return method.attribute(images, own["fill"], feature_mask=features, n_samples=count, perturbations_per_eval=size)[
        :, 0
    ]


def _with_gradient(call: Callable[[Callable, Tensor, Context, dict], Tensor]) -> Callable[..., Tensor]:
    """A peer that differentiates the scalar of our gradients."""

    def peer(context: Context, units: Units, own: dict) -> Tensor:
        organ = context.target.predicted(units.probabilities)

        def scalar(images: Tensor) -> Tensor:
            return (context.target.probability(context.segmenter.network(images)) * organ).flatten(1).sum(1)

        return call(scalar, units.images.clone().requires_grad_(), context, own).detach()[:, 0]

    return peer


def _smooth_grad(scalar: Callable, images: Tensor, context: Context, own: dict) -> Tensor:
    method = attr.NoiseTunnel(attr.Saliency(scalar))
    sigma = own["sigma"] * (images.max() - images.min()).item()
    return method.attribute(images, nt_samples=own["samples"], nt_samples_batch_size=1, stdevs=sigma, abs=False).abs()


def _expected(scalar: Callable, images: Tensor, context: Context, own: dict) -> Tensor:
    method = attr.GradientShap(scalar)
    return method.attribute(images, torch.cat(list(context.references)), n_samples=own["samples"])


def _layer(context: Context, own: dict) -> nn.Module:
    return context.segmenter.layer(own["layer"])


def _grad_cam(scalar: Callable, images: Tensor, context: Context, own: dict) -> Tensor:
    small = attr.LayerGradCam(scalar, _layer(context, own)).attribute(images, relu_attributions=True)
    return interpolate(small, images.shape[2:], mode="bilinear")


def _hires_cam(scalar: Callable, images: Tensor, context: Context, own: dict) -> Tensor:
    small = attr.LayerGradientXActivation(scalar, _layer(context, own)).attribute(images).sum(1, keepdim=True).relu()
    return interpolate(small, images.shape[2:], mode="bilinear")


PEERS = {
    "gradient": Peer("Captum Saliency", _with_gradient(lambda s, x, c, own: attr.Saliency(s).attribute(x))),
    "input_x_gradient": Peer(
        "Captum InputXGradient", _with_gradient(lambda s, x, c, own: attr.InputXGradient(s).attribute(x))
    ),
    "integrated_gradients": Peer(
        "Captum IntegratedGradients",
        _with_gradient(
            lambda s, x, c, own: attr.IntegratedGradients(s).attribute(
                x, own["baseline"], n_steps=own["steps"], internal_batch_size=1
            )
        ),
    ),
    "smooth_grad": Peer("Captum NoiseTunnel", _with_gradient(_smooth_grad), exact=False),
    "expected_gradients": Peer("Captum GradientShap", _with_gradient(_expected), exact=False),
    "grad_cam": Peer("Captum LayerGradCam", _with_gradient(_grad_cam)),
    "hires_cam": Peer("Captum LayerGradientXActivation", _with_gradient(_hires_cam)),
    "kernel_shap": Peer("Captum KernelShap", captum_kernel_shap, exact=False),
}
CAPTUM_OCCLUSION = Peer("Captum Occlusion", captum_occlusion)
MONAI_OCCLUSION = Peer("MONAI OcclusionSensitivity", monai_occlusion)
