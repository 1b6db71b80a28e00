"""What differs between the phantom's patients, and the tables it is drawn from.

Positions are reference coordinates in mm: x to the patient's right, y anterior, z superior, the pancreas
neck near (5, 34, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unoise.data.canvas import Point

LABELS: dict[str, int] = {
    "background": 0,
    "pancreas": 1,
    "liver": 2,
    "spleen": 3,
    "kidney_left": 4,
    "kidney_right": 5,
    "stomach": 6,
    "duodenum": 7,
    "small_bowel": 8,
    "colon": 9,
    "aorta": 10,
    "inferior_vena_cava": 11,
    "portal_and_splenic_vein": 12,
    "superior_mesenteric_artery": 13,
    "celiac_trunk": 14,
    "gallbladder": 15,
    "lymph_node": 16,
    "lung": 17,
    "heart": 18,
    "rib": 19,
    "spine": 20,
    "spinal_canal": 21,
    "muscle": 22,
    "fat": 23,
    "skin": 24,
}

PHASES: dict[str, float] = {"native": 0.15, "arterial": 0.3, "portal_venous": 0.55}  # how often

ATTENUATION: dict[str, tuple[float, float, float]] = {  # mean HU in each phase
    "artery": (42, 300, 155),
    "cava": (40, 90, 140),
    "portal": (41, 125, 172),
    "liver": (57, 74, 108),
    "spleen": (48, 128, 120),
    "pancreas": (41, 104, 94),
    "cortex": (34, 190, 185),
    "medulla": (31, 80, 160),
    "muscle": (52, 58, 62),
    "bowel_wall": (40, 98, 92),
    "heart": (42, 260, 150),
}

PANCREAS_FORMS: dict[str, list[Point]] = {  # body and tail behind the neck
    "oblique": [(-24, 32, 11), (-52, 16, 20), (-80, -12, 30)],
    "horseshoe": [(-22, 36, 19), (-52, 20, 20), (-76, -8, 2)],
    "sigmoid": [(-20, 38, 5), (-48, 18, 22), (-80, 4, 32)],
    "transverse": [(-28, 32, 7), (-56, 18, 16), (-82, -6, 24)],
    "l_shaped": [(-22, 37, 11), (-52, 27, 23), (-68, 3, 32)],
}


@dataclass(frozen=True)
class Patient:
    """What varies between patients.

    Parameters
    ----------
    half_width, half_depth : half axes of the body outline, mm
    subcutaneous, wall : thickness of subcutaneous fat and of the muscle wall, mm
    spacing : slice spacing, mm
    slices : number of slices
    bottom : z of the lowest slice, mm
    off_centre : of the body in the field of view along x and y, mm
    phase : key of `PHASES`
    tissue : attenuation of the tissues in that phase, HU
    fat : attenuation of fat, HU
    noise : standard deviation of the image noise, HU
    blur : standard deviation of the point spread in the slice plane, mm
    form : key of `PANCREAS_FORMS`
    pancreas_shift, head_shift, tail_shift : displacement of the pancreas, its head and its tail, mm
    pancreas_calibre : factor on its thickness
    fatty_pancreas : fat between its lobules, HU of attenuation taken away
    """

    half_width: float
    half_depth: float
    subcutaneous: float
    wall: float
    spacing: float
    slices: int
    bottom: float
    off_centre: np.ndarray
    phase: str
    tissue: dict[str, float]
    fat: float
    noise: float
    blur: float
    form: str
    pancreas_shift: np.ndarray
    head_shift: np.ndarray
    tail_shift: np.ndarray
    pancreas_calibre: float
    fatty_pancreas: float

    @classmethod
    def draw(cls, rng: np.random.Generator, field_of_view: float) -> Patient:
        """Draw a patient whose body fills 49 to 60 % of a square field of view (side in mm)."""
        aspect = rng.uniform(0.76, 0.86)
        half_width = np.sqrt(rng.uniform(0.49, 0.60) * field_of_view**2 / (3.25 * aspect))
        half_width = min(half_width, field_of_view / 2 - 7)
        room = np.array([field_of_view / 2 - 4 - half_width, 20])
        spacing = rng.uniform(5.0, 7.5)
        phase = str(rng.choice(list(PHASES), p=list(PHASES.values())))
        enhancement = rng.normal(1, 0.08)
        column = list(PHASES).index(phase)
        tissue = {
            name: hu[0] + (hu[column] - hu[0]) * enhancement * rng.normal(1, 0.05) + rng.normal(0, 3)
            for name, hu in ATTENUATION.items()
        }
        return cls(
            half_width=half_width,
            half_depth=aspect * half_width,
            subcutaneous=rng.uniform(9, 26),
            wall=rng.uniform(9, 13),
            spacing=spacing,
            slices=int(np.clip(round(rng.uniform(195, 215) / spacing), 28, 40)),
            bottom=rng.uniform(-114, -94),
            off_centre=np.clip(rng.normal(0, [5, 10]), -room, room),
            phase=phase,
            tissue=tissue,
            fat=rng.normal(-102, 5),
            noise=rng.uniform(6, 12),
            blur=rng.uniform(0.8, 1.4),
            form=str(rng.choice(list(PANCREAS_FORMS))),
            pancreas_shift=rng.normal(0, [6, 5, 7]),
            head_shift=rng.normal(0, [3, 3, 3]),
            tail_shift=rng.normal(0, [4, 6, 5]),
            pancreas_calibre=rng.uniform(0.96, 1.1),
            fatty_pancreas=rng.uniform(5, 30),
        )

    @property
    def scale(self) -> Point:
        """Patient mm per reference mm."""
        rim = self.subcutaneous + self.wall
        return ((self.half_width - rim) / 140, (self.half_depth - rim) / 106, 1.0)

    def pancreas_line(self) -> tuple[list[Point], list[float]]:
        """Points of the pancreas from the uncinate process to the tail, and its radii there, mm."""
        neck = np.array([5.0, 34, 0])
        head = np.array([(29, 8, -28), (34, 16, -19), (25, 27, -8)]) + self.head_shift
        tail = np.array(PANCREAS_FORMS[self.form]) + np.outer([0.2, 0.6, 1], self.tail_shift)
        points = np.array([*head, neck, *tail]) + self.pancreas_shift
        calibre = self.pancreas_calibre / np.sqrt(self.scale[0] * self.scale[1])
        radii = calibre * np.array([12, 14, 12.5, 9, 10.5, 10.5, 9])
        return [tuple(p) for p in points], list(radii)
