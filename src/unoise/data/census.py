"""One table of all cases: where they come from, their geometry, how much of each class they show."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unoise.data.volumes import read_volume, spacing
from unoise.files import file_hash
from unoise.workflow.manifest import Case


def describe_cases(
    cases: list[Case],
    classes: dict[str, list[str]],
    scans: list[Path],
    annotations: list[Path],
    labels: list[Path],
    bodies: list[Path],
    sources: list[Path],
) -> Iterator[dict]:
    """Rows of `tables.CASES`, one a case and class.

    Parameters
    ----------
    cases
        Rows of the manifest, whose further columns the rows have too; the lists of paths go in the same order.
    scans, annotations
        Image and label as the dataset has them.
    labels, bodies, sources
        What `unoise.data.preprocess` made of them.
    """
    for case, scan, annotation, label, body, source in zip(
        cases, scans, annotations, labels, bodies, sources, strict=True
    ):
        origin = json.loads(source.read_text(encoding="utf-8"))
        ids, affine = read_volume(label, case.id)
        inside, _ = read_volume(body, case.id)
        millilitres = float(np.prod(spacing(affine))) / 1000
        for value, name in enumerate(classes, 1):
            yield {column: text or None for column, text in case.subgroups} | {
                "case": case.id,
                "patient": case.patient,
                "split": case.split,
                "image": case.image,
                "label": case.label,
                "structures": case.structures,
                "original": case.original,
                "image_sha256": file_hash(scan),
                "label_sha256": file_hash(annotation),
                "shape": origin["shape"],
                "spacing": spacing(np.array(origin["affine"])),
                "axes": origin["axes"],
                "preprocessed_shape": ids.shape,
                "preprocessed_spacing": spacing(affine),
                "body_ml": float(inside.sum()) * millilitres,
                "class": name,
                "label_ml": float((ids == value).sum()) * millilitres,
            }
