"""Preprocessing: the label stays on the image and on the patient, nothing aliases, bad input leaves nothing behind."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec, voxel_sizes
from nibabel.processing import resample_from_to
from scipy.spatial.transform import Rotation

from unoise.data.preprocess import body_mask, preprocess_case
from unoise.data.volumes import read_volume
from unoise.errors import UserError

SETTINGS = {
    "spacing": [3.0, 3.0, None],
    "stride": None,
    "shape": [64, 64, None],
    "centre": "body",
    "window": [-160, 240],
}
CLASSES = {"liver": ["liver"]}
VALUES = {"liver": 1, "tumour": 2, "spleen": 3}
TISSUE_HU, BALL_HU = 40, 200
MIDDLE = np.array([20.0, -35.0, 400.0])  # of the body, world mm
BALL = MIDDLE + np.array([-30, 14, 9])
RADIUS = 19.0


@pytest.fixture
def run(tmp_path):
    """Preprocesses a case named `scan`; the folder of its outputs."""

    def preprocess(image: Path, label: Path, classes=CLASSES, slices=None, **settings) -> Path:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        out = {kind: folder / f"{kind}.nii.gz" for kind in ("image", "label", "body")}
        out["source"] = folder / "source.json"
        preprocess_case("scan", image, label, VALUES, slices, SETTINGS | settings, classes, out)
        return folder

    return preprocess


@pytest.fixture
def save(tmp_path, save_nifti):
    """Writes image and label; their paths."""

    def write(image, label, affine=None, label_affine=None) -> tuple[Path, Path]:
        label_affine = affine if label_affine is None else label_affine
        return (
            save_nifti(tmp_path / "in" / "image.nii.gz", image, affine),
            save_nifti(tmp_path / "in" / "label.nii.gz", label, label_affine),
        )

    return write


# A body with a bright, labelled ball at a known place in the world, seen on several grids


def grid(spacing, *, flips=(1, 1, 1), order=(0, 1, 2), turn=(0, 0, 0)) -> tuple[tuple[int, ...], np.ndarray]:
    """Shape and affine of a grid about the body: world axes in this order, flipped, then turned (degrees)."""
    axes = np.eye(3)[:, list(order)] * flips
    matrix = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ axes * spacing
    extent = np.array([200.0, 160.0, 130.0])[list(order)]
    shape = tuple(int(n) for n in np.ceil(extent / spacing))
    return shape, from_matvec(matrix, MIDDLE - matrix @ ((np.array(shape) - 1) / 2))


GRIDS = {
    "RAS": grid((2.0, 2.0, 2.5)),
    "LPS": grid((1.5, 1.5, 4.0), flips=(-1, -1, 1)),
    "anisotropic": grid((1.2, 2.2, 5.0), flips=(-1, 1, -1)),
    "permuted": grid((2.5, 1.6, 2.1), order=(2, 0, 1), flips=(-1, 1, -1)),
    "oblique": grid((1.8, 1.8, 3.0), turn=(14, -8, 10)),
    "oblique and permuted": grid((3.0, 1.7, 2.0), order=(2, 1, 0), flips=(1, -1, 1), turn=(-9, 12, 6)),
}


def world(shape, affine) -> np.ndarray:
    return apply_affine(affine, np.stack(np.indices(shape), -1))


def patient(shape, affine) -> tuple[np.ndarray, np.ndarray]:
    """Image in HU and label of an ellipsoid of tissue with the ball in it."""
    place = world(shape, affine)
    inside = (((place - MIDDLE) / [85, 65, 90]) ** 2).sum(-1) < 1
    ball = ((place - BALL) ** 2).sum(-1) < RADIUS**2
    return np.select([ball, inside], [BALL_HU, TISSUE_HU], -1000).astype(np.int16), ball.astype(np.uint8)


@pytest.fixture(params=GRIDS.values(), ids=GRIDS.keys())
def seen(request, save, run):
    """A grid and the folder of the patient preprocessed from it."""
    image, label = patient(*request.param)
    return request.param, run(*save(image, label, request.param[1]))


def test_label_and_image_stay_where_they_are_in_the_world(seen):
    _, folder = seen
    image, affine = read_volume(folder / "image.nii.gz", "scan")
    label, label_affine = read_volume(folder / "label.nii.gz", "scan")
    np.testing.assert_array_equal(affine, label_affine)
    place = world(image.shape, affine)
    tissue = (TISSUE_HU + 160) / 400
    bright = np.clip(image - tissue, 0, None) * (((place - BALL) ** 2).sum(-1) < (RADIUS + 8) ** 2)
    for weight in (bright, label):
        middle = (place * weight[..., None]).sum((0, 1, 2)) / weight.sum()
        off = np.linalg.inv(affine[:3, :3]) @ (middle - BALL)
        assert np.abs(off).max() < 0.5, "half a voxel"
    assert image[label == 1].mean() > 0.8 > tissue + 0.2


def test_volume_is_kept(seen):
    _, folder = seen
    for name, truth in (("label", 4 / 3 * np.pi * RADIUS**3), ("body", 4 / 3 * np.pi * 85 * 65 * 90)):
        voxels, affine = read_volume(folder / f"{name}.nii.gz", "scan")
        millilitres = (voxels == 1).sum() * np.prod(voxel_sizes(affine)) / 1000
        if name == "label":
            assert millilitres == pytest.approx(truth / 1000, rel=0.05)
        else:
            assert 0.8 < millilitres / truth * 1000 < 1.01, "the ends of the body lie outside the scan"


def test_grid_is_as_asked(seen):
    (_, source_affine), folder = seen
    volume = nib.load(folder / "image.nii.gz")
    own = voxel_sizes(nib.as_closest_canonical(nib.Nifti1Image(np.zeros((2, 2, 2)), source_affine)).affine)
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.shape[:2] == (64, 64)
    np.testing.assert_allclose(voxel_sizes(volume.affine), [3, 3, own[2]], atol=1e-4)


def test_way_back_to_the_scan(seen):
    (shape, affine), folder = seen
    source = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    assert source["shape"] == list(shape)
    np.testing.assert_allclose(source["affine"], affine, atol=1e-4)
    assert source["axes"] == "".join(nib.aff2axcodes(affine))
    assert source["window"] == [-160, 240]
    label = nib.load(folder / "label.nii.gz")
    there = (tuple(source["shape"]), np.array(source["affine"]))
    back = np.asarray(resample_from_to(label, there, order=0).dataobj) == 1
    _, truth = patient(shape, affine)
    assert 2 * (back & (truth == 1)).sum() / (back.sum() + truth.sum()) > 0.9


def test_files_are_what_a_viewer_expects(seen):
    _, folder = seen
    for name, dtype in (("image", np.float32), ("label", np.uint8), ("body", np.uint8)):
        volume = nib.load(folder / f"{name}.nii.gz")
        assert volume.get_data_dtype() == dtype
        assert volume.header.get_xyzt_units()[0] == "mm"
        assert (int(volume.header["sform_code"]), int(volume.header["qform_code"])) == (1, 1)
        np.testing.assert_allclose(volume.header.get_qform(), volume.header.get_sform(), atol=1e-3)
    assert {one.name for one in folder.iterdir()} == {
        "image.nii.gz",
        "label.nii.gz",
        "body.nii.gz",
        "source.json",
    }


# Intensities


def one_voxel(shape) -> np.ndarray:
    label = np.zeros(shape, np.uint8)
    label[tuple(n // 2 for n in shape)] = 1
    return label


@pytest.mark.parametrize("square", [1, 2])
def test_nothing_aliases(save, run, square):
    """Every fourth voxel of the finest checkerboard is alike: taken alone, it would not look like the mean."""
    shape = (65, 65, 9)
    board = 200 * (-1) ** ((np.indices(shape) // square).sum(0))
    label = np.ones(shape, np.uint8)
    paths = save(board.astype(np.int16), label, np.diag([1.0, 1.0, 4.0, 1]))
    folder = run(*paths, spacing=[4.0, 4.0, None], shape=[None, None, None], window=[-200, 200])
    image, _ = read_volume(folder / "image.nii.gz", "scan")
    assert image.shape == (16, 16, 9)
    assert np.abs(image - 0.5).max() < 0.08, "HU: 32 of 200"


def test_window(save, run):
    hu = np.full((16, 16, 8), 40, np.int16)
    for place, value in enumerate([-1000, -160, -60, 40, 140, 240, 3000]):
        hu[4, 4, place] = value
    settings = {"spacing": [None, None, None], "shape": [None, None, None]}
    folder = run(*save(hu, one_voxel(hu.shape)), **settings)
    image, affine = read_volume(folder / "image.nii.gz", "scan")
    np.testing.assert_allclose(image[4, 4, :7], [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=1e-6)
    assert (image.min(), image.max()) == (0, 1)
    np.testing.assert_array_equal(affine, np.eye(4))


def test_scaling_of_the_header_is_applied(save, run):
    hu = np.full((16, 16, 8), 40, np.int16)
    image, label = save(hu, one_voxel(hu.shape))
    stored = nib.Nifti1Image(np.full(hu.shape, 532, np.int16), np.eye(4))
    stored.header.set_slope_inter(2, -1024)
    nib.save(stored, image)
    folder = run(image, label, spacing=[None, None, None], shape=[None, None, None])
    assert np.allclose(read_volume(folder / "image.nii.gz", "scan")[0], 0.5)


@pytest.mark.parametrize("size", [24, 96])
def test_cropped_and_padded_about_the_body(save, run, size):
    """The body is off centre; the grid is centred on it, and what lies outside the scan is air."""
    hu = np.full((60, 50, 6), -1000, np.int16)
    hu[30:50, 5:25] = 240
    label = np.zeros(hu.shape, np.uint8)
    label[33, 8, 2] = 1
    affine = from_matvec(np.diag([2.0, 2.0, 5.0]), [-11, 7, 100])
    folder = run(*save(hu, label, affine), spacing=[None, None, None], shape=[size, size, None])
    image, true = read_volume(folder / "image.nii.gz", "scan")
    ids, _ = read_volume(folder / "label.nii.gz", "scan")
    assert image.shape == (size, size, 6)
    bright = np.argwhere(image == 1)
    np.testing.assert_array_equal(bright.min(0) + bright.max(0), [size - 1, size - 1, 5])
    assert len(bright) == 20 * 20 * 6
    np.testing.assert_allclose(apply_affine(true, np.argwhere(ids)[0]), apply_affine(affine, [33, 8, 2]), atol=1e-4)
    assert set(np.unique(image)) == {0, 1}


# The outline of the body


@pytest.mark.parametrize("gap", [0, 2])
def test_body_leaves_the_table_out_and_keeps_gas_in(gap):
    shape = (90, 80, 5)
    x, y, _ = np.indices(shape)
    body = ((x - 45) / 36) ** 2 + ((y - 45) / 24) ** 2 < 1
    gas = (x - 35) ** 2 + (y - 50) ** 2 < 49
    bed = (y >= 19 - gap) & (y < 21 - gap)
    hu = np.select([gas, body, bed], [-950, 40, 300], -1000)
    mask = body_mask(hu, (2.0, 2.0, 5.0))
    assert mask[gas].all()
    assert mask[body].mean() > 0.99
    assert mask[~body].mean() < 0.01
    assert not mask[:5][bed[:5]].any()
    assert not mask[-5:][bed[-5:]].any()


def test_body_is_the_largest_part():
    hu = np.full((60, 60, 4), -1000)
    hu[5:40, 5:40] = 40
    hu[46:58, 46:58] = 40  # an arm
    mask = body_mask(hu, (3.0, 3.0, 5.0))
    assert mask[10:35, 10:35].all()
    assert not mask[46:58, 46:58].any()


# Labels


def test_structures_are_merged_in_the_order_of_the_classes(save, run):
    hu = np.full((20, 20, 8), 40, np.int16)
    label = np.zeros(hu.shape, np.uint8)
    label[2:6, 2:6], label[6:9, 2:6], label[12:16, 12:16] = 1, 2, 3
    plain = {"spacing": [None, None, None], "shape": [None, None, None]}
    merged, _ = read_volume(run(*save(hu, label), {"liver": ["liver", "tumour"]}, **plain) / "label.nii.gz", "scan")
    np.testing.assert_array_equal(merged, np.isin(label, [1, 2]))
    apart, _ = read_volume(
        run(*save(hu, label), {"tumour": ["tumour"], "liver": ["liver"]}, **plain) / "label.nii.gz", "scan"
    )
    np.testing.assert_array_equal(apart, np.select([label == 2, label == 1], [1, 2], 0))


# Bad input


HU = np.full((20, 20, 8), 40, np.int16)
LIVER = np.zeros(HU.shape, np.uint8)
LIVER[5:10, 5:10, 2:5] = 1


def cut(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])


def with_nan() -> np.ndarray:
    hu = HU.astype(np.float32)
    hu[3, 3, 3] = np.nan
    return hu


SHIFTED = from_matvec(np.eye(3), [0, 0, 4.0])
BAD = {
    "other shape": (HU, LIVER[:-1], {}, "label", r"its shape \(19, 20, 8\) is not the image's \(20, 20, 8\)"),
    "other affine": (HU, LIVER, {"label_affine": SHIFTED}, "label", "affine puts it up to 4.0 mm from the image"),
    "mirrored": (HU, LIVER, {"label_affine": np.diag([-1, 1, 1, 1.0])}, "label", "affine puts it up to 38.0 mm"),
    "no voxel": (HU, LIVER * 0, {}, "label", "no voxel of class 'liver'"),
    "other structure": (HU, LIVER * 2, {}, "label", "no voxel of class 'liver'"),
    "fractions": (HU, LIVER * np.float32(0.5), {}, "label", "holds fractions"),
    "NaN": (with_nan(), LIVER, {}, "image", "NaN"),
    "NaN in the label": (HU, with_nan(), {}, "label", "NaN"),
    "4D": (np.stack([HU, HU], 3), LIVER, {}, "image", r"its shape is \(20, 20, 8, 2\), not 3D"),
    "4D label": (HU, np.stack([LIVER, LIVER], 3), {}, "label", r"its shape is \(20, 20, 8, 2\), not 3D"),
    "2D": (HU[:, :, 0], LIVER, {}, "image", "not 3D"),
    "colours": (np.zeros(HU.shape, [(c, "u1") for c in "RGB"]), LIVER, {}, "image", "of the type RGB"),
}  # fmt: skip


def refused(run, image: Path, label: Path, culprit: str, what: str, **settings) -> None:
    with pytest.raises(UserError, match=what) as raised:
        run(image, label, **settings)
    text = str(raised.value)
    assert text.startswith(f"case scan: {image if culprit == 'image' else label}: ")
    assert "\n" not in text
    assert list((image.parents[1] / "out").iterdir()) == [], "nothing half written"


@pytest.mark.parametrize(("hu", "ids", "affines", "culprit", "what"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(save, run, hu, ids, affines, culprit, what):
    refused(run, *save(hu, ids, np.eye(4), **affines), culprit, what)


@pytest.mark.parametrize("part", [0, 0.02, 0.3, 0.9])
@pytest.mark.parametrize("culprit", ["image", "label"])
def test_file_cut_short(save, run, culprit, part):
    noise = np.random.default_rng(0).integers(0, 50, HU.shape).astype(np.int16)
    image, label = save(noise, np.maximum(LIVER, (noise % 2).astype(np.uint8)))
    cut(image if culprit == "image" else label, part)
    refused(run, image, label, culprit, "cut short")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.99])
def test_uncompressed_file_cut_short(tmp_path, save_nifti, run, part):
    image = save_nifti(tmp_path / "in" / "image.nii", HU)
    label = save_nifti(tmp_path / "in" / "label.nii", LIVER)
    cut(image, part)
    refused(run, image, label, "image", "cut short")


def test_text_that_is_no_nifti(save, run):
    image, label = save(HU, LIVER)
    image.write_text("a note, not a scan")
    refused(run, image, label, "image", "cannot be read as NIfTI")


def test_volume_of_another_format(tmp_path, save, run):
    _, label = save(HU, LIVER)
    image = tmp_path / "in" / "image.mgz"
    nib.save(nib.MGHImage(HU, np.eye(4)), image)
    refused(run, image, label, "image", "not a NIfTI file")


@pytest.mark.parametrize("culprit", ["image", "label"])
def test_missing_file(save, run, culprit):
    image, label = save(HU, LIVER)
    (image if culprit == "image" else label).unlink()
    refused(run, image, label, culprit, "does not exist")


def test_label_cropped_away(save, run):
    hu = np.full((60, 60, 4), -1000, np.int16)
    hu[:30, :30] = 40
    label = np.zeros(hu.shape, np.uint8)
    label[55, 55, 2] = 1
    settings = {"spacing": [None, None, None], "shape": [16, 16, None]}
    refused(run, *save(hu, label), "label", "is left on the preprocessed grid.*preprocess.shape", **settings)


@pytest.mark.parametrize("turn", [0, 3, 7, 20])
@pytest.mark.parametrize(("thick", "wanted"), [(5.0, None), (5.0, 2.5), (5.0, 3.0), (5.0, 6.0), (40.0, 3.0)])
def test_the_scan_reaches_to_the_outer_face_of_its_outermost_slices(save, run, turn, thick, wanted):
    """A scan that is tissue throughout stays so: no slice at its ends turns into air or loses its label."""
    shape, affine = (40, 40, 6), grid((4.0, 4.0, thick), turn=(turn, 0, 0))[1]
    tissue, organ = np.full(shape, TISSUE_HU, np.int16), np.ones(shape, np.uint8)
    folder = run(*save(tissue, organ, affine), spacing=[4.0, 4.0, wanted], shape=[32, 32, None])
    label, made = read_volume(folder / "label.nii.gz", "scan")
    assert label.all()
    np.testing.assert_allclose(read_volume(folder / "image.nii.gz", "scan")[0], (TISSUE_HU + 160) / 400, atol=1e-5)
    assert label.sum() * abs(np.linalg.det(made)) == pytest.approx(32 * 32 * 6 * 16 * thick, rel=0.15)


def test_a_single_slice_can_be_resampled(save, run):
    image, label = np.full((40, 40, 1), TISSUE_HU, np.int16), np.ones((40, 40, 1), np.uint8)
    folder = run(*save(image, label, np.diag([4.0, 4.0, 5.0, 1])), spacing=[4.0, 4.0, 3.0], shape=[32, 32, None])
    assert read_volume(folder / "label.nii.gz", "scan")[0].all()


# The published way


def test_every_nth_voxel_is_taken_as_it_is_and_the_affine_follows(save, run):
    hu = np.random.default_rng(2).uniform(-100, 200, (32, 32, 4)).astype(np.float32)
    label = np.zeros(hu.shape, np.uint8)
    label[10:20, 10:20] = 1
    affine = from_matvec(np.diag([-0.8, 0.8, 2.0]), [10, 20, 30])
    own = {"spacing": [None, None, None], "stride": [2, 2, 1], "shape": [16, 16, None], "centre": "scan"}
    folder = run(*save(hu, label, affine), window=(-100, 200), **own)
    made, placed = read_volume(folder / "image.nii.gz", "scan")
    assert made == pytest.approx((hu[::2, ::2][::-1] + 100) / 300, abs=1e-6), "the first axis is turned to the right"
    assert apply_affine(placed, [15, 0, 0]) == pytest.approx(apply_affine(affine, [0, 0, 0]))


def test_a_part_of_a_scan_has_its_slices_only(save, run):
    hu, label = np.full((16, 16, 6), 40, np.float32), np.zeros((16, 16, 6), np.uint8)
    hu += np.arange(6)
    label[4:8, 4:8] = 1
    own = {"spacing": [None, None, None], "shape": [16, 16, None], "slices": (2, 5)}
    refused(run, *save(hu, label), "image", "the slices 4:9, the scan has 6", **own | {"slices": (4, 9)})
    made, placed = read_volume(run(*save(hu, label), **own) / "image.nii.gz", "scan")
    assert made[5, 5] * 400 - 160 == pytest.approx([42, 43, 44], abs=1e-3)
    assert placed[2, 3] == 2


def test_a_part_of_a_scan_need_not_show_every_class(save, run):
    hu, label = np.full((16, 16, 6), 40, np.float32), np.zeros((16, 16, 6), np.uint8)
    label[4:8, 4:8], label[4:8, 4:8, 5] = 1, 2
    two = {"liver": ["liver"], "tumour": ["tumour"]}
    own = {"spacing": [None, None, None], "shape": [16, 16, None]}
    made, _ = read_volume(run(*save(hu, label), two, slices=(0, 3), **own) / "label.nii.gz", "scan")
    assert set(np.unique(made)) == {0, 1}
