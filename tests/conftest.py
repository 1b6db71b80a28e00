"""What several test modules share."""

from pathlib import Path

import corpus
import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from made import bright_segmenter, square_units

torch.set_num_threads(1)  # tests run side by side

LONGEST = ("test_workflow.py", "test_reruns.py")


def pytest_collection_modifyitems(items):
    """The longest files first, so that no worker is left alone with one of them."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture
def segmenter():
    """Predicts the organ where the image is bright."""
    return bright_segmenter()


@pytest.fixture
def units(segmenter):
    """Two slices with a bright square."""
    return square_units(segmenter)


@pytest.fixture
def repository() -> Path:
    """The folder that holds `config/` and `src/`."""
    return Path(__file__).parents[1]


@pytest.fixture
def plain_config() -> dict:
    """The smallest config of a dataset of one's own; tests change it as they like."""
    return corpus.plain_config()


@pytest.fixture
def save_yaml():
    """Writes a config and returns its path."""

    def save(path: Path, content: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return save


@pytest.fixture
def save_nifti():
    """Writes voxels (an affine of 1 mm where none is given) and returns the path."""

    def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
        return path

    return save
