"""The mouth interior's meshes for the path tracer: ICT's teeth and gums, a tongue of our own, lips and cheeks as shade.

In: ICT-FaceKit. Out: {part.vertices, part.faces, part.form, part.levels} and the picture's rectangle, all in ICT units.
`form` carries what the materials need to know per vertex: for teeth the height above the biting edge, the tooth's own
tone and the place across it; for gums how near the teeth are; for the tongue its pale coat and its groove.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from tongue import tongue_mesh

GUMS = (14062, 17038)
UPPER = (17039, 19246)
LOWER = (19247, 21450)
RECT = (-3.6, 3.6, -7.2, -0.2)
PX_PER_UNIT = 64
OPENING = (3.3, -3.9, 2.4)  # half width, centre y, half height of the lips' opening
# Strength of the room and of the lamps above and below, watts; how far the jaws are apart while one is pictured.
LIGHT = {"world": 0.75, "key": 5500.0, "fill": 1500.0, "apart": 1.3}


def _within(triangles, span):
    return triangles[((triangles >= span[0]) & (triangles <= span[1])).all(1)]


def _compact(vertices, faces):
    used, index = np.unique(faces, return_inverse=True)
    return vertices[used], index.reshape(faces.shape), used


def _teeth(neutral, triangles, span, upper, tones):
    vertices, faces, _ = _compact(neutral, _within(triangles, span))
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (len(vertices),) * 2)
    count, tooth = csgraph.connected_components(graph, False)
    form = np.zeros((len(vertices), 3))
    for k in range(count):
        at = tooth == k
        middle = vertices[at, 0].mean()
        if abs(middle) < 0.5:  # the two front teeth touch
            vertices[at, 0] = middle + (vertices[at, 0] - middle) * (1.05 if upper else 1.08)
        y = vertices[at, 1]
        edge = y.min() if upper else y.max()
        form[at, 0] = np.clip(np.abs(y - edge) / 1.2, 0, 1)
        form[at, 1] = np.clip(tones[k], 0, 1)
        x = vertices[at, 0]
        form[at, 2] = (x - x.min()) / np.ptp(x)
    return vertices, faces, form


def _gum(neutral, faces, teeth):
    vertices, faces, _ = _compact(neutral, faces)
    distance = cKDTree(teeth).query(vertices)[0]
    form = np.zeros((len(vertices), 3))
    form[:, 0] = np.clip(1 - distance / 0.25, 0, 1) * 0.35
    return vertices, faces, form


def _strip(curves):
    """Quads between neighbouring curves of equal length, as triangles."""
    curves = np.array(curves)
    rows, columns = curves.shape[:2]
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    faces = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    return curves.reshape(-1, 3), faces, np.zeros((rows * columns, 3)), 0


def _lips():
    """A curved sheet with a lip-shaped opening, which lets the light in and is not seen itself."""
    angle = np.linspace(0, 2 * np.pi, 97)
    power = 2 / 2.4
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    curves = []
    for grow in (1, 1.1, 1.5, 3):
        cx, cy = OPENING[0] * x * grow, OPENING[1] + OPENING[2] * y * grow
        thick = 0.45 if grow == 1 else 0  # the lips' inner edge lies on the teeth
        curves.append(np.stack([cx, cy, 11.6 - thick - 0.26 * np.minimum(np.abs(cx), 4) ** 2], 1))
    return _strip(curves)


def _cheeks():
    """Cheeks and throat: a dark red trough behind the lips."""
    half = np.array([(5, 7.5), (3.9, 8.5), (3.75, 6), (3.4, 3.5), (2, 1.5), (0, 1)])
    path = np.concatenate([half * [-1, 1], half[-2::-1]])
    rows = [(0.4, 0.05), (0.4, 1), (-4, 1), (-8.5, 1), (-8.5, 0.05)]  # height, width: closed above and below
    return _strip([np.c_[path[:, 0] * s, np.full(len(path), y), path[:, 1] * s + 6 * (1 - s)] for y, s in rows])


def mouth_meshes(ict):
    neutral, triangles = ict["neutral"].astype(float), ict["triangles"]
    names = [str(name) for name in ict["expression_names"]]
    drop = -ict["expressions"][names.index("jawOpen")][:, 1].astype(float)
    random = np.random.default_rng(3)

    parts = {}
    pairs = random.uniform(0.55, 1.0, 8)  # left and right twins nearly agree
    tones = np.concatenate([pairs, pairs[::-1]]) + random.uniform(-0.1, 0.1, 16)
    upper = _teeth(neutral, triangles, UPPER, True, tones)
    lower = _teeth(neutral, triangles, LOWER, False, tones[::-1] - 0.1)
    gums = _within(triangles, GUMS)
    # ICT's gums and tongue are one surface: upper gum stays with the skull, lower gum hugs its teeth or lies below them.
    centre, centre_drop = neutral[gums].mean(1), drop[gums].mean(1)
    far_from_teeth = cKDTree(lower[0]).query(centre)[0] > 0.45
    upper_gum = (centre_drop < 0.4) & (centre[:, 2] > 5)
    lower_gum = (centre_drop >= 0.6) & (centre[:, 2] > 4.5) & (centre[:, 1] < np.where(far_from_teeth, -4.8, -3.55))
    parts["upperTeeth"] = (*upper, 2)
    parts["lowerTeeth"] = (*lower, 2)
    parts["upperGum"] = (*_gum(neutral, gums[upper_gum], upper[0]), 2)
    parts["lowerGum"] = (*_gum(neutral, gums[lower_gum], lower[0]), 2)
    parts["tongue"] = (*tongue_mesh(), 0)
    parts["lips"], parts["cheeks"] = _lips(), _cheeks()

    scene = {"rect": np.array(RECT), "px_per_unit": np.array(PX_PER_UNIT), **LIGHT}
    for name, (vertices, faces, form, levels) in parts.items():
        scene |= {f"{name}.vertices": vertices, f"{name}.faces": faces, f"{name}.form": form, f"{name}.levels": levels}
    return scene
