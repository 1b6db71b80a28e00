"""Images that are no sound CT, given to preprocessing."""

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec

from corpus import Malformed
from unoise.data.preprocess import preprocess_case

SETTINGS = {
    "spacing": [None, None, None],
    "stride": None,
    "shape": [16, 16, None],
    "centre": "body",
    "window": [-160, 240],
}
AFFINE = from_matvec(np.diag([2.0, 2.0, 3.0]), [-20, -30, 100])
HU = np.random.default_rng(0).integers(-50, 150, (20, 20, 8)).astype(np.int16)
LIVER = np.zeros(HU.shape, np.uint8)
LIVER[5:12, 5:12, 2:6] = 1
IMAGE, LABEL = "image.nii.gz", "label.nii.gz"


def read(folder: Path) -> None:
    """Preprocess the case `scan` of a folder into `out/`."""
    image = next(folder.glob("image.*"), folder / IMAGE)
    out = {kind: folder / "out" / f"{kind}.nii.gz" for kind in ("image", "label", "body")}
    out["source"] = folder / "out" / "source.json"
    values = {"liver": 1, "tumour": 2}
    preprocess_case("scan", image, folder / LABEL, values, None, SETTINGS, {"liver": ["liver"]}, out)


def stored(voxels: np.ndarray = HU, affine=AFFINE, kind=nib.Nifti1Image, **fields: object) -> bytes:
    """A NIfTI file with fields of its header overwritten."""
    content = kind(voxels, affine).to_bytes()
    size = kind.header_class.sizeof_hdr
    header = kind.header_class(content[:size], check=False)
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + content[size:]


def save(folder: Path, content: bytes, name: str = IMAGE, compressed: bool | None = None) -> None:
    """Write an image, compressed where its name says so, beside a sound label."""
    for one, bytes_ in ((LABEL, stored(LIVER)), (name, content)):
        pack = one.endswith(".gz") if one == LABEL or compressed is None else compressed
        (folder / one).write_bytes(gzip.compress(bytes_, 1, mtime=0) if pack else bytes_)


def image(name: str, make: Callable[[], bytes], *says: str, file: str = IMAGE, compressed=None) -> Malformed:
    """An image of the case `scan` that preprocessing refuses."""
    return Malformed(name, lambda folder: save(folder, make(), file, compressed), ("case scan: ", file, *says))


def fields(name: str, said: str, voxels=HU, affine=AFFINE, kind=nib.Nifti1Image, **changed: object) -> Malformed:
    """An image with fields of its header overwritten."""
    return image(name, lambda: stored(voxels, affine, kind, **changed), said)


def with_voxel(value: float, kind: type = np.float32) -> np.ndarray:
    voxels = HU.astype(kind)
    voxels[3, 3, 3] = value
    return voxels


def affine(*columns: list[float]) -> np.ndarray:
    return from_matvec(np.array(columns).T, [0, 0, 0])


def cut(content: bytes, part: float) -> bytes:
    return content[: int(part * len(content))]


def flipped(content: bytes) -> bytes:
    """Gzip of stored blocks with one bit of a voxel turned over: all can be unpacked, the checksum tells."""
    packed = bytearray(gzip.compress(content, 0))
    packed[len(packed) // 2] ^= 1
    return bytes(packed)


def bomb() -> bytes:
    """A sound image and 1 GiB of zeros after it, in 1 MiB (members of a gzip file follow each other)."""
    return gzip.compress(stored()) + 64 * gzip.compress(bytes(2**24))


def extension_bomb() -> bytes:
    """An extension of the header of 1 GiB, before the first voxel."""
    start = bytearray(stored(vox_offset=2.0**30)[:352])
    start[348] = 1
    return gzip.compress(bytes(start) + b"\xf0\xff\xff\x3f\x06\0\0\0") + 64 * gzip.compress(bytes(2**24))


def mgz() -> bytes:
    return nib.MGHImage(HU, AFFINE).to_bytes()


NIFTI2 = nib.Nifti2Image
CUT = "cut short"
DICOM = bytes(128) + b"DICM" + bytes(2000)
MALFORMED = [
    image("nothing in it", lambda: b"", CUT, compressed=False),
    image("cut in the header", lambda: cut(stored(), 0.02), CUT),
    image("cut in the voxels", lambda: cut(gzip.compress(stored()), 0.5), CUT, compressed=False),
    image("cut in the checksum", lambda: gzip.compress(stored())[:-3], CUT, compressed=False),
    image("cut, uncompressed", lambda: cut(stored(), 0.9), CUT, file="image.nii"),
    image("a bit turned over", lambda: flipped(stored()), "CRC", compressed=False),
    image("bad magic", lambda: stored(magic=b"n+7"), "it is not a NIfTI file"),
    image("header of a pair", lambda: stored(magic=b"ni1"), "it is not a NIfTI file"),
    image("a note", lambda: b"a note, not a scan", "it is not a NIfTI file"),
    image("a DICOM file", lambda: DICOM, "it is not a NIfTI file", file="image.nii"),
    image("another format", mgz, "it is not a NIfTI file"),
    image("named as compressed", stored, "it cannot be read as NIfTI", compressed=False),
    image("compressed by stealth", stored, "it is not a NIfTI file", file="image.nii", compressed=True),
    fields("terabytes", "announces 35,181,150,961,663 voxels", dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]),
    fields("petabytes", "announces 1,125,899,906,842,624 voxels", kind=NIFTI2, dim=[3, 2**40, 2**5, 2**5, 1, 1, 1, 1]),
    fields("more than a number can say", "announces ", kind=NIFTI2, dim=[3, 2**62, 2**62, 2**62, 1, 1, 1, 1]),
    fields("a gigabyte that is not there", "announces 2,000,000,352 bytes", dim=[3, 1000, 1000, 1000, 1, 1, 1, 1]),
    image("gzip bomb", bomb, "it goes on after the voxels", compressed=False),
    image("gzip bomb before the voxels", extension_bomb, "the first voxel at byte", compressed=False),
    fields("first voxel nowhere", "the first voxel at byte nan", vox_offset=np.nan),
    fields("first voxel in the header", "the first voxel at byte 16", vox_offset=16),
    fields("NaN", "NaN or infinite", with_voxel(np.nan)),
    fields("Inf", "NaN or infinite", with_voxel(np.inf)),
    fields("beyond float32", "NaN or infinite", with_voxel(1e300, np.float64)),
    fields("4D", "its shape is (20, 20, 8, 2), not 3D", np.stack([HU, HU], 3)),
    fields("2D", "its shape is (20, 20), not 3D", HU[:, :, 0]),
    fields("no voxel", "its shape is (20, 0, 8)", dim=[3, 20, 0, 8, 1, 1, 1, 1]),
    fields("less than no voxel", "its shape is (20, -20, 8)", dim=[3, 20, -20, 8, 1, 1, 1, 1]),
    fields("vectors of FreeSurfer", "its shape is (-1, 1, 1)", dim=[3, -1, 1, 1, 1, 1, 1, 1], glmin=99),
    fields("nine dimensions", "not 3D", dim=[9, 20, 20, 8, 1, 1, 1, 1]),
    fields("metres", "lengths in metres", xyzt_units=1),
    fields("micrometres", "lengths in micrometres", xyzt_units=3),
    fields("an unknown unit", "a unit of the code 5", xyzt_units=5),
    fields("zero spacing", "a spacing of 2 x 0 x 3 mm", pixdim=[1, 2, 0, 3, 1, 1, 1, 1]),
    fields("negative spacing", "a spacing of 2 x 2 x -3 mm", pixdim=[1, 2, 2, -3, 1, 1, 1, 1]),
    fields("spacing of NaN", "a spacing of nan x 2 x 3 mm", pixdim=[1, np.nan, 2, 3, 1, 1, 1, 1]),
    fields("metres that say mm", "voxels measure 0.002 x 0.002 x 0.003 mm", affine=np.diag([0.002, 0.002, 0.003, 1])),
    fields("voxels of a metre", "voxels measure 2 x 2 x 1000 mm", affine=np.diag([2, 2, 1000.0, 1])),
    fields("sheared", "not at right angles (off by up to 11.3 deg", affine=affine([2, 0, 0], [0, 2, 0], [0, 1, 5])),
    fields("flat", "its axes are not at right angles", affine=affine([2, 0, 0], [2, 0, 0], [0, 0, 3])),
    fields("an axis without length", "voxels measure 2 x 0 x 3 mm", srow_y=[0, 0, 0, -30]),
    fields("affine of NaN", "its affine holds NaN", srow_x=[np.nan, 0, 0, 0]),
    fields("no rotation", "it cannot be read as NIfTI", sform_code=0, qform_code=1, quatern_b=2, quatern_c=2),
    fields("slope of zero", "a slope of 0", scl_slope=0),
    fields("slope of NaN", "a slope of nan", scl_slope=np.nan),
    fields("infinite intercept", "an intercept of inf", scl_inter=np.inf),
    fields("RGB", "of the type RGB", np.zeros(HU.shape, [(one, "u1") for one in "RGB"])),
    fields("complex numbers", "of the type complex64", HU.astype(np.complex64)),
    fields("long floats", "of the type float128", datatype=1536, bitpix=128),
    fields("an unknown type", "of the type code 77", datatype=77),
    Malformed("missing", lambda folder: None, ("case scan: ", IMAGE, "the file does not exist")),
    Malformed("a folder", lambda folder: (folder / IMAGE).mkdir(), ("case scan: ", IMAGE, "the file does not exist")),
]  # fmt: skip
