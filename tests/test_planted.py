"""Phantoms with a planted cue: the rule that is promised holds in every slice, and a change touches the cue alone."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation

from unoise.compute import generator
from unoise.data.planted.base import LABELS, NO_LUMP, generate, write_case, write_truth
from unoise.data.volumes import read_volume
from unoise.errors import UserError
from unoise.training.augmentations import affine
from unoise.workflow import methods

CUES = {
    "marker": {"no marker": ["marker"], NO_LUMP: ["organ", "twin"]},
    "redundant": {
        "no marker": ["marker"],
        "no second marker": ["second_marker"],
        "neither marker": ["marker", "second_marker"],
        NO_LUMP: ["organ", "twin"],
    },
    "texture": {"no stripes": ["organ"], "stripes in the other": ["organ", "twin"]},
    "context": {"no landmark": ["landmark"], "landmark at the other": ["landmark"], NO_LUMP: ["organ"]},
}  # of each change the structures that it may touch
CHANGES = [(cue, change) for cue, changes in CUES.items() for change in changes]
SEED = 5


def where(label: np.ndarray, *names: str) -> np.ndarray:
    return np.isin(label, [LABELS[name] for name in names])


def slices(label: np.ndarray, *names: str) -> np.ndarray:
    """Whether each slice shows one of the structures."""
    return where(label, *names).any((0, 1))


def middle(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Its centre in the plane, mm."""
    return (affine @ [*np.argwhere(mask).mean(0), 1])[:2]


def test_every_cue_and_change_there_is_is_tried_here():
    assert list(methods.names("data.planted")) == sorted(CUES)
    for cue, changes in CUES.items():
        assert list(methods.find("data.planted", cue).load().CHANGES) == list(changes)


@pytest.mark.parametrize("cue", CUES)
def test_a_patient_is_the_same_whenever_it_is_made_and_like_no_other(cue):
    first, again, patient, seed = (generate(cue, *key)[0] for key in ((SEED, 1), (SEED, 1), (SEED, 2), (SEED + 1, 1)))
    np.testing.assert_array_equal(first, again)
    for other in (patient, seed):
        assert (first != other).mean() > 0.5


@pytest.mark.parametrize(("cue", "change"), CHANGES)
def test_a_change_touches_the_cue_alone_and_leaves_the_organ_labelled(cue, change):
    before, label, _ = generate(cue, SEED, 0)
    after, changed, _ = generate(cue, SEED, 0, change)
    differs = before != after
    assert differs.sum() > 30
    cue_voxels = where(label, *CUES[cue][change]) | where(changed, *CUES[cue][change])
    near = binary_dilation(cue_voxels, np.ones((3, 3, 1)), iterations=3)
    assert not differs[~near].any()
    np.testing.assert_array_equal(where(label, "organ"), where(changed, "organ"))


@pytest.mark.parametrize("patient", range(6))
def test_the_lump_is_the_organ_exactly_where_the_marker_is(patient):
    _, label, _ = generate("marker", SEED, patient)
    shown = slices(label, "marker")
    assert 3 <= shown.sum() <= 5
    np.testing.assert_array_equal(slices(label, "organ"), shown)
    np.testing.assert_array_equal(slices(label, "twin"), ~shown)


@pytest.mark.parametrize("patient", range(6))
def test_of_redundant_markers_either_makes_the_organ_and_every_third_patient_has_both(patient):
    _, label, _ = generate("redundant", SEED, patient)
    shown = slices(label, "organ")
    np.testing.assert_array_equal(slices(label, "marker", "second_marker"), shown)
    there = [name for name in ("marker", "second_marker") if where(label, name).any()]
    assert there == [["marker", "second_marker"], ["marker"], ["second_marker"]][patient % 3]
    for name in there:
        np.testing.assert_array_equal(slices(label, name), shown)


def test_either_redundant_marker_is_left_where_the_other_is_removed():
    for change, left in (("no marker", "second_marker"), ("no second marker", "marker")):
        _, label, _ = generate("redundant", SEED, 0, change)
        assert slices(label, "marker", "second_marker").any()
        assert not slices(label, *{"marker", "second_marker"} - {left}).any()
    assert not slices(generate("redundant", SEED, 0, "neither marker")[1], "marker", "second_marker").any()


@pytest.mark.parametrize("patient", range(4))
def test_only_texture_tells_the_organ_from_its_twin(patient):
    hu, label, _ = generate("texture", SEED, patient)
    organ, twin = (where(label, name) for name in ("organ", "twin"))
    assert 0.8 < organ.sum() / twin.sum() < 1.25
    inner = [binary_dilation(~one, np.ones((3, 3, 1))) == 0 for one in (organ, twin)]
    assert hu[inner[0]].mean() == pytest.approx(hu[inner[1]].mean(), abs=15)
    along, across = ([_likeness(hu, one, axis) for one in inner] for axis in (1, 0))
    assert along[0] > 0.5 > 0.3 > along[1], "stripes run from front to back"
    assert across[0] < 0.4


def _likeness(hu: np.ndarray, mask: np.ndarray, axis: int) -> float:
    """Correlation of the voxels of a mask with their second neighbours along an axis."""
    both = mask & np.roll(mask, -2, axis)
    return np.corrcoef(hu[both], np.roll(hu, -2, axis)[both])[0, 1]


@pytest.mark.parametrize("patient", range(4))
@pytest.mark.parametrize(("change", "before"), [(None, "organ"), ("landmark at the other", "twin")])
def test_the_landmark_lies_forty_millimetres_behind_the_organ(patient, change, before):
    _, label, grid = generate("context", SEED, patient, change)
    gap = middle(where(label, before), grid) - middle(where(label, "landmark"), grid)
    np.testing.assert_allclose(gap, [0, 40], atol=5)


@pytest.mark.parametrize("patient", range(4))
def test_another_landmark_has_no_lump_before_it_and_no_lump_another_landmark(patient):
    """Neither a lump nor a landmark alone makes an organ."""
    hu, label, grid = generate("context", SEED, patient)
    bright = np.median(hu, axis=2) > 170
    stray = bright & where(label, "body").all(2)
    assert stray.sum() >= 3
    lumps = [middle(where(label, name), grid) for name in ("organ", "twin")]
    at = middle(stray[:, :, None], grid)
    assert min(np.hypot(*(lump - at - (0, 40))) for lump in lumps) > 60


@pytest.mark.parametrize("cue", CUES)
def test_the_truth_is_the_organ_and_its_cue(cue, tmp_path):
    image, label, truth = (tmp_path / f"{name}.nii.gz" for name in ("image", "label", "truth"))
    write_case(image, label, cue, SEED, 3)
    write_truth(truth, label, cue)
    voxels, _ = read_volume(label, "a")
    expected = {"marker": ["marker"], "redundant": ["marker", "second_marker"], "texture": [], "context": ["landmark"]}
    written, needed = read_volume(truth, "a")[0], where(voxels, "organ", *expected[cue])
    np.testing.assert_array_equal(written == 1, needed)
    assert written[~needed].max() < 1e-4
    assert written[needed].sum() / written.sum() > 0.98
    beside = binary_dilation(needed) & ~needed
    assert written[beside].min() > np.median(written[~needed]), "the nearer, the sooner"
    assert all(where(voxels, name).any() for name in expected[cue])


@pytest.mark.parametrize("patient", range(3))
def test_no_training_moves_a_marker_out_of_the_image(patient):
    """An organ that is labelled without its marker would teach that the marker does not matter."""
    _, label, _ = generate("redundant", SEED, 3 * patient)
    for name in ("marker", "second_marker"):
        mask = torch.from_numpy(where(label, name).max(2))[None, None].float().repeat(200, 1, 1, 1)
        _, moved = affine.augment(mask, mask, generator("moved", patient))
        assert moved.sum((1, 2, 3)).min() >= 0.5 * mask[0].sum()


def test_a_cue_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UserError, match=r"there is no method 'shape'.*context, marker, redundant, texture"):
        generate("shape", SEED, 0)
