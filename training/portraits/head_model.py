"""One synthetic head: vertices, regions and landmarks, from the ICT-FaceKit light model (MIT, USC ICT).

In: ict_facekit.npz and a person's recipe. Out: a HeadModel in ICT units (1 unit is about 8 mm; x to the
subject's left, y up, z towards the viewer). Pure numpy and deterministic: the same recipe gives the same head.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

SKIN_COUNT = 14062  # the first vertices are face, head, neck and bust in one piece
EYEBALL = {"L": (21451, 22221), "R": (23021, 23791)}
CARUNCLE = {"L": (24999, 25023), "R": (25023, 25047)}
UPPER_LASH_CARD = {"L": (25351, 25465), "R": (26035, 26149)}
LOWER_LASH_CARD = {"L": (25693, 25807), "R": (26377, 26491)}
# The 68 Multi-PIE points of the ICT mesh.
LANDMARKS = [
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147,
    4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081,
    0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
]  # fmt: skip
SKULL_CENTRE = np.array([0.0, 4.0, 0.5])


@dataclass
class HeadModel:
    vertices: np.ndarray  # (26719, 3)
    triangles: np.ndarray  # (T, 3) of the skin only
    normals: np.ndarray  # (SKIN_COUNT, 3)
    landmarks: np.ndarray  # (68, 3)

    def piece(self, first: int, end: int, all_triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and re-numbered triangles of one part of the ICT mesh."""
        inside = ((all_triangles >= first) & (all_triangles < end)).all(1)
        return self.vertices[first:end], all_triangles[inside] - first

    def eye(self, side: str) -> tuple[np.ndarray, float]:
        """Centre and radius of an eyeball (the cornea's bulge left out)."""
        first, end = EYEBALL[side]
        ball = self.vertices[first:end]
        low, high = ball.min(0), ball.max(0)
        radius = (high[0] - low[0]) / 2
        centre = (low + high) / 2
        centre[2] = low[2] + radius
        return centre, radius

    def lid_rim(self, side: str, upper: bool, count: int = 40) -> np.ndarray:
        """The lash line from the inner to the outer corner, (count, 3)."""
        first, end = (UPPER_LASH_CARD if upper else LOWER_LASH_CARD)[side]
        card = self.vertices[first:end]
        along = np.abs(card[:, 0])
        # The card's lashes reach past the corners of the eye; its root does not.
        corners = np.abs(self.landmarks[[42, 45] if side == "L" else [39, 36], 0])
        edges = np.linspace(max(along.min(), corners[0]) + 0.12, min(along.max() - 0.12, corners[1] + 0.05), 16)
        points = []
        for low, high in zip(edges[:-1], edges[1:]):
            inside = card[(along >= low) & (along < high)]
            if len(inside):
                points.append(inside[np.argmin(np.linalg.norm(inside - self.eye(side)[0], axis=1))])
        points = np.array(points)
        t = np.linspace(-1, 1, len(points))
        fit = np.polynomial.Polynomial.fit
        u = np.linspace(-1, 1, count)
        return np.stack([fit(t, points[:, k], 5)(u) for k in range(3)], 1)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    corner = vertices[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, triangles[:, k], face)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def build_head(ict: dict, recipe: dict) -> HeadModel:
    """Neutral + the recipe's identity (named modes plus a seeded spread) + a little expression."""
    rng = np.random.default_rng(recipe["seed"])
    weights = rng.normal(size=len(ict["identities"])) * recipe.get("spread", 0.5)
    for mode, value in recipe["modes"].items():
        weights[mode] = value
    vertices = ict["neutral"].astype(np.float64)
    vertices = vertices + np.tensordot(weights, ict["identities"].astype(np.float64), 1)
    names = [str(name) for name in ict["expression_names"]]
    for name, value in recipe.get("expression", {}).items():
        for suffix in ("", "_L", "_R"):
            if name + suffix in names:
                vertices = vertices + value * ict["expressions"][names.index(name + suffix)].astype(np.float64)
    triangles = ict["triangles"]
    skin = triangles[(triangles < SKIN_COUNT).all(1)]
    normals = vertex_normals(vertices[:SKIN_COUNT], skin)
    return HeadModel(vertices, skin, normals, vertices[LANDMARKS])


def smooth_ring(points: np.ndarray, count: int) -> np.ndarray:
    """A closed Catmull-Rom curve through the points."""
    n = len(points)
    t = np.arange(count) * n / count
    i = t.astype(int)
    f = (t - i)[:, None]
    p0, p1, p2, p3 = (points[(i + k) % n] for k in (-1, 0, 1, 2))
    return 0.5 * (2 * p1 + (p2 - p0) * f + (2 * p0 - 5 * p1 + 4 * p2 - p3) * f**2 + (3 * p1 - p0 - 3 * p2 + p3) * f**3)


# Lower edge of the hair: azimuth from straight ahead (degrees) -> elevation seen from the skull's centre.
HAIRLINE = np.array(
    [[0, 43], [18, 42], [34, 40], [48, 35], [60, 27], [67, 12], [73, -6], [79, -4], [84, 9], [100, 9], [108, -5],
     [120, -25], [150, -35], [180, -38]], float
)  # fmt: skip


def scalp_margin(points: np.ndarray, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """Degrees above the hairline (negative: bare skin); shift raises the hairline."""
    d = points - SKULL_CENTRE
    azimuth = np.degrees(np.abs(np.arctan2(d[:, 0], d[:, 2])))
    elevation = np.degrees(np.arctan2(d[:, 1], np.hypot(d[:, 0], d[:, 2])))
    return elevation - np.interp(azimuth, HAIRLINE[:, 0], HAIRLINE[:, 1]) - shift


class Surface:
    """Nearest point and normal on the skin, for strands that lie on it; smooth between vertices."""

    def __init__(self, vertices: np.ndarray, normals: np.ndarray):
        self.vertices, self.normals = vertices, normals
        self.tree = cKDTree(vertices)

    def height(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed height over the surface and the normal there."""
        distance, index = self.tree.query(points, k=6)
        weight = 1 / (distance + 0.05) ** 2
        weight /= weight.sum(1, keepdims=True)
        normal = (self.normals[index] * weight[..., None]).sum(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        foot = (self.vertices[index] * weight[..., None]).sum(1)
        return ((points - foot) * normal).sum(1), normal
