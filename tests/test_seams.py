"""Windows over volumes leave no seams, and the seam score sees those that other windows leave."""

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference

from unoise import tables
from unoise.data.volumes import write_volume
from unoise.evaluation.seams import seam_rows, seam_score
from unoise.networks.plain_unet import PlainUNet
from unoise.networks.windows import Windows
from unoise.report.seams import seams_section

SHAPE, PATCH = (32, 32, 16), (16, 16, 8)
KEY = {"model": "m", "target": "organ", "case": "a", "patient": "a", "split": "test"}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return PlainUNet(3, 1, 1, depth=2, channels=4).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    return torch.rand(1, 1, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_half_overlapping_gaussian_windows_leave_no_seam_and_bare_ones_do(network, images):
    """The network is untrained: at the border of a window it sees padding where the image goes on."""
    smooth = Windows(PATCH, 0.5)
    assert seam_score(smooth.over(network, 4, images)[0, 0].numpy(), smooth.borders(SHAPE)) < 1.2
    bare = sliding_window_inference(images, PATCH, 4, network, overlap=0, mode="constant")
    assert seam_score(bare[0, 0].numpy(), Windows(PATCH, 0).borders(SHAPE)) > 1.8


def test_borders_are_where_the_windows_of_the_inference_begin_and_end(images):
    seen = Windows(PATCH, 0.5)
    corners = []

    def place(part):
        corners.extend(part[:, 0, 0, 0, 0].tolist())
        return part

    numbered = torch.arange(images.numel(), dtype=torch.float32).reshape(images.shape)
    np.testing.assert_allclose(seen.over(place, 3, numbered), numbered, rtol=1e-5)
    starts = [set(axis.tolist()) for axis in np.unravel_index(np.array(corners, int), SHAPE)]
    assert len(corners) == seen.count(SHAPE)
    for begin, side, size, found in zip(starts, PATCH, SHAPE, seen.borders(SHAPE), strict=True):
        assert set(found) == {one for start in begin for one in (start, start + side) if 0 < one < size}


def test_a_volume_smaller_than_a_window_has_no_border(network):
    small = torch.rand(2, 1, 12, 16, 5)
    windows = Windows(PATCH, 0.5)
    assert windows.over(network, 4, small).shape == small.shape
    assert windows.count(small.shape[2:]) == 1
    assert seam_score(small[0, 0].numpy(), windows.borders(small.shape[2:])) is None


def test_the_score_is_the_jump_at_borders_over_the_jump_elsewhere():
    slope = np.tile(np.arange(8.0)[:, None, None], (1, 4, 4))
    assert seam_score(slope, [[4], [], []]) == pytest.approx(1)
    slope[4:] += 2
    assert seam_score(slope, [[4], [], []]) == pytest.approx(3)
    assert seam_score(np.ones((8, 4, 4)), [[4], [2], [2]]) is None


def test_the_summary_has_the_mean_score_of_each_map(tmp_path):
    slope = np.tile(np.arange(32, dtype=np.float32)[:, None, None], (1, 32, 16))
    write_volume(tmp_path / "a.nii.gz", slope, np.eye(4))
    keys = [KEY | {"explainer": name} for name in ("control-random", "u-noise")]
    windows = {"control-random": {"patch": PATCH, "overlap": 0.5}, "u-noise": {"patch": (40, 40, 40), "overlap": 0.5}}
    tables.write(tmp_path / "seams.parquet", tables.SEAMS, seam_rows(keys, [tmp_path / "a.nii.gz"] * 2, windows))
    text = "\n".join(seams_section(tables.read(tmp_path / "seams.parquet", tables.SEAMS)))
    assert text.index("u-noise") < text.index("control-random")
    assert "1.00 (1.00 to 1.00)" in text
