import pytest
import torch
from made import CPU
from torch import nn

from unoise.data.nearness import nearness
from unoise.data.units import Units
from unoise.errors import UserError
from unoise.explainers.base import Context
from unoise.networks.build import INPUTS, Normalised
from unoise.networks.interpreter import Interpreter
from unoise.targets.class_target import ClassTarget
from unoise.workflow import methods

TARGET = ClassTarget("organ", 0)


def make(method, segmenter, interpreter=None, **settings):
    context = Context(segmenter, TARGET, interpreter, CPU, seed=5)
    return methods.find("explainers", method).load().EXPLAINER(context, **settings)


def interpreter(sees="window", **card):
    network = Normalised(nn.Conv2d(len(INPUTS[sees][0]), 2, 1).requires_grad_(False), *INPUTS[sees], 2)
    return Interpreter(network, {"classes": ["organ", "vessel"], "explains": ["organ"]} | card, CPU)


def of_two_classes(units):
    both = torch.cat([units.probabilities, 0.5 * units.probabilities], dim=1)
    return Units(units.case, units.index, units.images, both, units.spacing)


def test_an_interpreter_answers_for_the_classes_it_was_trained_for(segmenter, units):
    learned = interpreter(explains=["organ", "vessel"])
    units = of_two_classes(units)
    both = learned.network(units.images)
    for channel, name in enumerate(("organ", "vessel")):
        torch.testing.assert_close(learned.output(units, name), both[:, channel])
    with pytest.raises(UserError, match=r"not trained for 'vessel'.*organ"):
        interpreter().output(units, "vessel")


def test_the_map_of_visibility_is_what_the_interpreter_says(segmenter, units):
    learned = interpreter(objective={"anchor": "none"})
    maps = make("u_noise_visibility", segmenter, interpreter=learned).explain(units)
    torch.testing.assert_close(maps, learned.output(units, "organ"))
    anchored = interpreter(objective={"anchor": "distance"})
    near = nearness((units.probabilities[:, 0] >= 0.5).float())
    maps = make("u_noise_visibility", segmenter, interpreter=anchored).explain(units)
    torch.testing.assert_close(maps, anchored.output(units, "organ") + near)


def test_an_interpreter_that_sees_the_prediction_looks_at_that_of_its_class(segmenter, units):
    learned = interpreter("prediction", explains=["organ", "vessel"])
    learned.network.network.weight.zero_()
    learned.network.network.weight[:, 1] = 1
    learned.network.network.bias.zero_()
    units = of_two_classes(units)
    torch.testing.assert_close(learned.output(units, "organ"), units.probabilities[:, 0])
    torch.testing.assert_close(learned.output(units, "vessel"), units.probabilities[:, 1])


def test_u_noise_is_important_where_the_noise_scale_is_small(segmenter, units):
    learned = interpreter()
    learned.network.network.weight.fill_(100)
    volumes = make("u_noise", segmenter, interpreter=learned).volumes(units)
    assert ((volumes["noise_scale"] >= 0) & (volumes["noise_scale"] <= 1)).all()
    falling = volumes["importance"].flatten().argsort(descending=True)
    assert (volumes["noise_scale"].flatten()[falling].diff() >= 0).all()
    inputs = learned.network(units.images)[:, 0]
    assert len(volumes["importance"].unique()) == len(inputs.unique()), (
        "an order where the noise scale is all but 0 or 1"
    )


def test_distance_falls_by_millimetres_from_the_predicted_organ(segmenter, units):
    near = make("distance", segmenter).explain(units)[0]
    organ = units.probabilities[0, 0] > 0.5
    assert near[organ].unique().tolist() == [0]
    last = int(organ[:, 9].nonzero().max())
    assert near[last + 4, 9].item() == pytest.approx(-4 * units.spacing[0])
    last = int(organ[12].nonzero().max())
    assert near[12, last + 4].item() == pytest.approx(-4 * units.spacing[1])


def test_controls_are_what_they_say(segmenter, units):
    assert torch.equal(make("prediction", segmenter).explain(units), units.probabilities[:, 0])
    assert torch.equal(make("intensity", segmenter).explain(units), units.images[:, 0])
    first, again = (make("random", segmenter).explain(units) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_agreement_and_its_scalar_are_those_of_the_predicted_organ(units):
    clean = units.probabilities
    hard = (clean > 0.5).float()
    assert TARGET.agreement(hard, clean).tolist() == pytest.approx([1, 1])
    half = hard.clone()
    half[..., 12:, :] = 0
    kept = half[0].sum() / hard[0].sum()
    assert TARGET.agreement(half, clean)[0].item() == pytest.approx((2 * kept / (1 + kept)).item(), abs=1e-4)
    assert TARGET.agreement(hard, torch.zeros_like(clean)).tolist() == [0, 0]
