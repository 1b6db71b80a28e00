"""Abdominal anatomy of the phantom: one function per structure.

Positions are reference coordinates in mm: x to the patient's right, y anterior, z superior, the pancreas
neck near (5, 34, 0). `Canvas` maps them on the patient.
"""

from __future__ import annotations

import numpy as np

from unoise.data.canvas import Canvas, Point, Shape
from unoise.data.phantom_patient import Patient


def draw_anatomy(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> None:
    """Paint all structures, what lies in front of others last."""
    cavity = body_wall(canvas, patient)
    dome = lungs_and_heart(canvas, patient, cavity)
    ribs(canvas, patient, cavity, rng)
    spine(canvas, rng)
    back_muscles(canvas, patient)
    inside = np.maximum(cavity + 3, dome + 4)
    mesentery(canvas, patient, inside, rng)
    colon(canvas, patient, inside, rng)
    small_bowel(canvas, patient, inside, rng)
    kidneys(canvas, patient, rng)
    spleen(canvas, patient, inside, rng)
    liver(canvas, patient, inside, rng)
    stomach(canvas, patient, inside, rng)
    great_vessels(canvas, patient)
    duodenum(canvas, patient, rng)
    lymph_nodes(canvas, patient, rng)
    pancreas(canvas, patient)
    mesenteric_vessels(canvas, patient)


def jitter(point: Point, rng: np.random.Generator, spread: float) -> Point:
    """The point displaced by a normal draw of `spread` mm along each axis."""
    return tuple(np.add(point, rng.normal(0, spread, 3)))


def body_wall(canvas: Canvas, patient: Patient) -> np.ndarray:
    """Skin, subcutaneous fat and muscle wall around visceral fat.

    Returns
    -------
    Signed distance to the abdominal cavity on the whole grid, mm.
    """
    x, y, z = canvas.world
    furrow = 7 * np.exp(-((x / 16) ** 2)) * (y < 0)
    depth = np.where(y > 0, 1.02, 0.98) * patient.half_depth - furrow
    taper = 1 - 0.0004 * np.abs(z - 10)
    power = 2.35
    across, along = np.abs(x / (patient.half_width * taper)), np.abs(y / (depth * taper))
    unit = (across**power + along**power) ** (1 / power)
    radius = np.sqrt(x * x + y * y) + 1e-3
    outline = (radius * (1 - 1 / (unit + 1e-6))).astype(np.float32)
    side = np.abs(x) / radius
    flank = side * np.clip(0.6 - y / 80, 0, 1)
    fold = outline + patient.subcutaneous * (0.85 + 0.3 * flank) + 1.5 * canvas.clumps
    linea_alba = 0.7 * np.exp(-((x / 7) ** 2)) * (y > 0)
    cavity = fold + patient.wall * (1 + 0.3 * (side - 0.6) - linea_alba + 0.12 * canvas.clumps)
    canvas.paint(canvas.whole(outline), "skin", 20)
    canvas.paint(canvas.whole(outline + 2.5), "fat", patient.fat, texture=5)
    canvas.paint(canvas.whole(fold), "muscle", patient.tissue["muscle"], texture=8)
    canvas.paint(canvas.whole(cavity), "fat", patient.fat + 4, texture=7)
    return cavity


def lungs_and_heart(canvas: Canvas, patient: Patient, cavity: np.ndarray) -> np.ndarray:
    """Lung bases above the two domes of the diaphragm, the heart between them.

    Returns
    -------
    Signed distance to what lies below the diaphragm on the whole grid, mm.
    """
    x, y, z = canvas.reference
    depth = np.where(y < 0, 0.8, 0.3) * y**2
    right = 104 - ((x - 72) ** 2 + depth) / 95
    left = 96 - ((x + 70) ** 2 + depth) / 95
    middle = 92 - (x**2 + 0.3 * (y - 30) ** 2) / 95
    dome = np.float32(0.7) * (z - np.maximum(np.maximum(right, left), middle))
    between = 22 - np.abs(x + 4)
    diaphragm = canvas.whole(np.maximum(cavity + 1, np.maximum(-dome - 4, between - 3)))
    canvas.paint(diaphragm, "muscle", patient.tissue["muscle"])
    canvas.paint(canvas.whole(np.maximum(cavity + 3, np.maximum(-dome, between))), "lung", -840, texture=25)
    heart = canvas.ellipsoid((-16, 42, 118), (64, 46, 30), -20)
    canvas.paint(heart, "heart", patient.tissue["heart"], texture=5, moat=4)
    return dome


def ribs(canvas: Canvas, patient: Patient, cavity: np.ndarray, rng: np.random.Generator) -> None:
    """Ribs that run obliquely through the wall of the upper part."""
    x, y, z = canvas.reference
    slope = z + 0.55 * y + 0.2 * np.abs(x)
    phase = (slope + rng.uniform(0, 30)) % 30 - 15
    middle = cavity - 0.55 * patient.wall
    margin = np.maximum(25 + 0.55 * y - z, y - 75)
    distance = np.maximum(np.sqrt((middle * 1.25) ** 2 + (0.8 * phase) ** 2) - 5.5, 0.6 * margin)
    canvas.paint(canvas.whole(distance), "rib", 420)
    canvas.paint(canvas.whole(distance + 2), "rib", 190)


def spine(canvas: Canvas, rng: np.random.Generator) -> None:
    """Vertebrae with cortex, discs, canal, arch and processes."""
    z = canvas.reference[2]
    trabecular = rng.uniform(120, 220)
    period = rng.uniform(31, 36)
    level = np.abs((z + rng.uniform(0, period)) % period - period / 2)
    disc = 4.5 - level
    column = canvas.ellipsoid((0, -52, 0), (24, 19, 600))
    spinous = canvas.ellipsoid((0, -101, 0), (4.5, 18, 600))
    transverse = [canvas.ellipsoid((side * 19, -85, 0), (18, 4.5, 600)) for side in (-1, 1)]
    for process in (spinous, *transverse):
        canvas.paint(process.within(8 - level), "spine", 330)
    canvas.paint(canvas.ellipsoid((0, -80, 0), (17, 15, 900)).within(3 - level), "spine", 380)
    canvas.paint(column, "spine", 430)
    canvas.paint(column.shrunk(3), "spine", trabecular, texture=25)
    canvas.paint(column.within(-disc), "spine", 95, texture=8)
    canvas.paint(canvas.ellipsoid((0, -79, 0), (10.5, 9, 900)), "spinal_canal", 25)


def back_muscles(canvas: Canvas, patient: Patient) -> None:
    """Erector spinae, quadratus lumborum and psoas of both sides."""
    hu = patient.tissue["muscle"]
    for side in (-1, 1):
        erector = canvas.ellipsoid((side * 36, -98, 0), (28, 17, 900), side * -8)
        canvas.paint(erector.shrunk(canvas.clumps[erector.region]), "muscle", hu, texture=10, moat=1.5)
        quadratus = canvas.ellipsoid((side * 62, -84, -60), (17, 8, 80), side * 20)
        canvas.paint(quadratus, "muscle", hu, texture=8, moat=1.5)
        course = [(side * 26, -52, 20), (side * 31, -54, -30), (side * 38, -50, -130)]
        psoas = canvas.tube(course, [4, 13, 20])
        canvas.paint(psoas, "muscle", hu, texture=8, moat=1.5)


def mesentery(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Small vessels in the visceral fat."""
    for _ in range(14):
        root = np.array([0, 20, -20]) + rng.normal(0, 15, 3)
        tip = root + rng.normal(0, [45, 25, 35])
        bend = (root + tip) / 2 + rng.normal(0, 10, 3)
        branch = canvas.tube([root, bend, tip], [2.6, 2.2, 1.6]).within(inside)
        canvas.paint(branch, "portal_and_splenic_vein", patient.tissue["portal"])


def hollow_organ(
    canvas: Canvas, shape: Shape, name: str, wall: float, wall_hu: float, lumen_hu: float | np.ndarray
) -> Shape:
    """Paint a wall of `wall` mm and what it holds; return the lumen."""
    canvas.paint(shape, name, wall_hu, texture=5, moat=2)
    lumen = shape.shrunk(wall)
    canvas.paint(lumen, name, lumen_hu, texture=5)
    return lumen


def colon(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Colon from the caecum to the descending part, haustrated, with stool and gas."""
    courses = [
        [(102, 8, -125), (108, 2, -75), (104, 20, -38), (72, 66, -40), (30, 84, -50)],
        [(30, 84, -50), (-30, 86, -48), (-75, 62, -22), (-108, 14, 12)],
        [(-108, 14, 12), (-120, -22, -20), (-116, -20, -70), (-112, -10, -125)],
    ]
    y = canvas.reference[1]
    for course, radius in zip(courses, (22, 17, 14), strict=True):
        points = [jitter(p, rng, 4) for p in course]
        shape = canvas.tube(points, [radius] * len(points)).within(inside)
        shape = shape.shrunk(1.5 * canvas.clumps[shape.region] + 1)
        stool = 25 + 25 * canvas.lobules[shape.region]
        lumen = hollow_organ(canvas, shape, "colon", 2.5, patient.tissue["bowel_wall"], stool)
        level = np.mean([p[1] for p in points]) + rng.uniform(-14, 12) + 12 * canvas.clumps
        canvas.paint(lumen.above(level, y), "colon", -930)


def small_bowel(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Loops of jejunum and ileum: collapsed, filled with fluid, or with some gas."""
    wall_hu = patient.tissue["bowel_wall"]
    for _ in range(26):
        start = np.array([rng.uniform(-95, 75), rng.uniform(12, 80), rng.uniform(-115, -30)])
        if rng.random() < 0.25:
            start = np.array([rng.uniform(-95, -35), rng.uniform(20, 75), rng.uniform(-35, 15)])
        points = [start + rng.normal(0, [24, 14, 12]) for _ in range(4)]
        radius = rng.uniform(8.5, 13)
        shape = canvas.tube(points, [radius] * 4).within(inside)
        if rng.random() < 0.45:
            hollow_organ(canvas, shape, "small_bowel", 2.5, wall_hu + 24, patient.tissue["pancreas"] - 4)
        else:
            lumen = hollow_organ(canvas, shape, "small_bowel", 3, wall_hu + 10, rng.uniform(8, 35))
            if rng.random() < 0.3:
                canvas.paint(lumen.above(start[1] + 4, canvas.reference[1]), "small_bowel", -900)


def kidneys(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> None:
    """Both kidneys with cortex, medulla and the fat of the sinus."""
    tissue = patient.tissue
    for name, side, height in [("kidney_right", 1, -34), ("kidney_left", -1, -22)]:
        center = jitter((side * 66, -48, height), rng, 4)
        shape = canvas.ellipsoid(center, (25 + rng.normal(0, 1.5), 29, 52 + rng.normal(0, 4)), side * 25)
        canvas.paint(shape, name, tissue["cortex"], texture=5, moat=3)
        pyramids = shape.shrunk(7 + 2.5 * canvas.lobules[shape.region])
        canvas.paint(pyramids, name, tissue["medulla"], texture=5)
        hilum = np.add(center, (-side * 15, 9, 0))
        sinus = canvas.ellipsoid(tuple(hilum), (14, 8, 24), -side * 35)
        canvas.paint(sinus, "fat", patient.fat + 15, texture=8)
        vessel = canvas.tube([hilum, hilum * (0.6, 0.8, 1), (side * 12, -22, height + 8)], [3.5, 3.5, 3.5])
        canvas.paint(vessel, "inferior_vena_cava", tissue["cava"] + 5)


def spleen(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Spleen, hollowed towards the stomach and the left kidney."""
    center = jitter((-108, -42, 44), rng, 4)
    size = rng.uniform(0.95, 1.25)
    shape = canvas.ellipsoid(center, (30 * size, 50 * size, 48 * size), 12).within(inside)
    hollow = canvas.ellipsoid(tuple(np.add(center, (38, 16, -4))), (26, 40, 60), 12)
    texture = 16 if patient.phase == "arterial" else 3
    shape = shape.within(-canvas.everywhere(hollow))
    canvas.paint(shape, "spleen", patient.tissue["spleen"], texture=texture, moat=1.5)


def liver(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Liver wedge of a right and a left lobe with its veins; the gallbladder below it."""
    hu = patient.tissue["liver"]
    right = canvas.ellipsoid(jitter((86, -4, 42), rng, 4), (58, 90, 64 + rng.normal(0, 5)), -8)
    left = canvas.ellipsoid(jitter((8, 52, 58), rng, 4), (76 + rng.normal(0, 8), 44, 35), 8)
    distance = np.minimum(canvas.everywhere(right), canvas.everywhere(left))
    shape = canvas.whole(np.maximum(distance, inside - 2))
    canvas.paint(shape, "liver", hu, texture=4, moat=1)
    vein_hu = hu + 0.8 * (patient.tissue["portal"] - hu)
    trees = [
        [(12, -18, 88), (50, 10, 82), (95, 20, 70)],
        [(12, -18, 88), (60, -30, 80), (105, -40, 55)],
        [(12, -14, 88), (10, 20, 80), (5, 50, 68)],
        [(42, 16, 42), (75, 5, 48), (105, 15, 50)],
        [(60, 10, 45), (85, -25, 38), (105, -40, 28)],
        [(42, 16, 42), (25, 40, 55), (-5, 60, 58)],
    ]
    for tree in trees:
        vein = canvas.tube([jitter(p, rng, 4) for p in tree], [5, 4, 2]).within(shape.distance + 3)
        canvas.paint(vein, "liver", vein_hu)
    gallbladder = canvas.ellipsoid(jitter((62, 42, 2), rng, 4), (15, 18, 24), 20)
    canvas.paint(gallbladder, "gallbladder", rng.uniform(4, 16), texture=2, moat=1)


def stomach(canvas: Canvas, patient: Patient, inside: np.ndarray, rng: np.random.Generator) -> None:
    """Stomach from fundus to pylorus: wall, fluid or food, and gas that lies anterior."""
    fill = rng.uniform(0.8, 1.1)
    fundus_and_body = [(-58, -30, 78), (-66, 8, 62), (-66, 42, 40), (-42, 64, 20)]
    points = [*fundus_and_body, (-4, 70, 8), (26, 60, 8), (36, 50, 6)]
    radii = np.array([28, 31, 28, 23, 17, 13, 9]) * fill
    line, calibre = patient.pancreas_line()
    bed = canvas.everywhere(canvas.tube(line, [r + 5 for r in calibre], stretch=1.3))
    shape = canvas.tube([jitter(p, rng, 3) for p in points], list(radii)).within(inside).within(-bed)
    food = rng.uniform(5, 45) + rng.choice([3, 18]) * canvas.lobules[shape.region]
    lumen = hollow_organ(canvas, shape, "stomach", 4.5, patient.tissue["bowel_wall"] + 5, food)
    y = canvas.reference[1]
    canvas.paint(lumen.above(rng.uniform(38, 62), y), "stomach", -950)


def great_vessels(canvas: Canvas, patient: Patient) -> None:
    """Aorta and inferior vena cava."""
    tissue = patient.tissue
    aorta = canvas.tube([(-12, -26, 140), (-10, -22, 40), (-6, -20, -130)], [11, 10, 8.5])
    canvas.paint(aorta, "aorta", tissue["artery"], texture=3, moat=1.5)
    cava = canvas.tube([(22, -20, 120), (24, -20, 60), (22, -21, -20), (20, -22, -130)], [13, 12, 11.5, 10.5])
    canvas.paint(cava, "inferior_vena_cava", tissue["cava"], texture=4, moat=1.5)


def duodenum(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> None:
    """The C loop from the pylorus around the pancreas head to the jejunum."""
    shift = patient.head_shift + patient.pancreas_shift
    around_head = [(36, 50, 6), (48, 36, 4), (60, 18, -12), (60, 8, -38), (48, 0, -60)]
    points = [*around_head, (18, 2, -66), (-16, 4, -60), (-34, 20, -40)]
    follows = [0, 0.6, 1, 1, 1, 0.8, 0.5, 0.3]
    course = [tuple(np.add(p, share * shift)) for p, share in zip(points, follows, strict=True)]
    radii = [9, 11, 11.5, 11.5, 11.5, 10.5, 10, 10]
    shape = canvas.tube([jitter(p, rng, 1.5) for p in course], radii)
    content = rng.uniform(10, 35) if rng.random() < 0.75 else patient.tissue["pancreas"] - 6
    lumen = hollow_organ(canvas, shape, "duodenum", 2.5, patient.tissue["bowel_wall"] + 18, content)
    if rng.random() < 0.4:
        canvas.paint(lumen.above(course[2][1] + 3, canvas.reference[1]), "duodenum", -850)


def lymph_nodes(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> None:
    """Nodes of the attenuation of the pancreas around the great vessels and in the mesentery."""
    for _ in range(rng.integers(4, 9)):
        center = (rng.uniform(-60, 60), rng.uniform(-15, 45), rng.uniform(-80, 45))
        radii = tuple(rng.uniform(3.5, 7.5, 3))
        node = canvas.ellipsoid(center, radii, rng.uniform(0, 90))
        canvas.paint(node, "lymph_node", patient.tissue["pancreas"], texture=6, moat=1.5)


def pancreas(canvas: Canvas, patient: Patient) -> None:
    """Pancreas about its curved centreline: lobulated, with fat between the lobules.

    It ends bluntly along z, so that no slice shows a few voxels only.
    """
    points, radii = patient.pancreas_line()
    shape = canvas.tube(points, radii, stretch=1.3)
    lobules = canvas.lobules[shape.region]
    shape = shape.shrunk(1.3 * lobules + 0.5 * canvas.grain[shape.region])
    sizes = (shape.distance < 0).sum(axis=(0, 1))
    least = 0.0032 * canvas.label[..., 0].size
    shown = np.flatnonzero(sizes > min(least, sizes.max() / 2))
    shape.distance[:, :, : shown[0]] = 99
    shape.distance[:, :, shown[-1] + 1 :] = 99
    fat = patient.fatty_pancreas * np.clip(lobules - 0.6, 0, 1.5)
    canvas.paint(shape, "pancreas", patient.tissue["pancreas"] - fat, texture=18, moat=2.6)


def mesenteric_vessels(canvas: Canvas, patient: Patient) -> None:
    """Splenic and portal vein behind the pancreas, superior mesenteric vessels below it, celiac trunk."""
    points, radii = patient.pancreas_line()
    behind = np.array(points[3:]) - np.array([[0, r + 3.5, 0] for r in radii[3:]])
    confluence = np.add(points[3], (-2, -15, -2))
    artery, portal = patient.tissue["artery"], patient.tissue["portal"]
    vein = "portal_and_splenic_vein"
    for line, radius in [
        ([confluence, *behind[1:], np.add(behind[-1], (-14, -10, 6))], 4.2),
        ([confluence, np.add(confluence, (18, -2, 24)), (44, 14, 44)], 6.5),
        ([confluence, np.add(confluence, (-6, 4, -35)), (-2, 22, -110)], 5.5),
    ]:
        canvas.paint(canvas.tube(line, [radius] * len(line)), vein, portal, moat=1.2)
    trunk = [(-8, -14, 2), (-8, 0, -6), (points[3][0] - 24, 12, -30), (-18, 20, -110)]
    canvas.paint(canvas.tube(trunk, [4, 3.8, 3.6, 3]), "superior_mesenteric_artery", artery, moat=2)
    celiac = canvas.tube([(-8, -14, 16), (-8, 4, 20), (10, 8, 24)], [3.5, 3.2, 2.5])
    canvas.paint(celiac, "celiac_trunk", artery)
