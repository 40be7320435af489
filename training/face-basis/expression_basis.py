"""ICT-FaceKit's expressions and identities carried over to the subdivided MediaPipe mesh.

In: ICT-FaceKit (neutral, triangles, expressions, identities) and the canonical mesh. Out: neutral positions and
normals, 52 ARKit expression deltas and normal deltas, 40 identity modes, lip labels; lengths in ICT units (about one
centimetre, x to the person's left, y up, z forward).
Everything is exactly mirror-symmetric: the right half of a shape is the left half's mirror image.

The one trap: ICT's lips touch, so the nearest ICT vertex of a lower-lip vertex may well belong to the upper lip. Every
target vertex near the mouth is labelled upper or lower first and then looks only at ICT vertices of that lip; which lip
an ICT vertex belongs to is told by how far it drops with jawOpen.
"""

import numpy as np
from scipy import sparse
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from canonical_mesh import RINGS, mirror_of

FACE_VERTICES = 9409  # ICT vertices [0, 9409) are the face's skin; behind them head, sockets, gums, teeth, eyes
IDENTITY_MODES = 40

ARKIT_NAMES = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft
eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft
jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower
mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight
mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut""".split()

# ICT vertices of the 68 Multi-PIE landmarks, and the MediaPipe vertices of those that both meshes know.
ICT_68 = [
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147,
    4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081,
    0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
]  # fmt: skip
MEDIAPIPE_OF_68 = dict(
    zip(
        [*range(27), 27, 30, 31, 32, 33, 34, 35, *range(36, 68)],
        [127, 234, 93, 58, 172, 150, 149, 176, 152, 400, 378, 379, 397, 288, 323, 454, 356]  # jaw
        + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]  # brows
        + [168, 4, 98, 97, 2, 326, 327]  # nose
        + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]  # eyes
        + [61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91]  # outer lips
        + [78, 81, 13, 311, 308, 402, 14, 178],  # inner lips
    )
)


def ict_names(arkit):
    """ICT shapes whose sum is the ARKit shape. ICT's `_L` is the person's left, as ARKit's `Left`."""
    if arkit == "tongueOut":
        return []  # no skin moves; the mouth interior's tongue does
    if arkit in ("browInnerUp", "cheekPuff"):  # one shape in ARKit, two halves in ICT
        return [arkit + "_L", arkit + "_R"]
    for side in ("Left", "Right"):
        if arkit.endswith(side) and not arkit.startswith(("jaw", "mouthLeft", "mouthRight")):
            return [arkit[: -len(side)] + "_" + side[0]]
    return [arkit]


def mirrored_name(arkit):
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if arkit.endswith(side):
            return arkit[: -len(side)] + other
    return arkit


def _similarity(source, target):
    a, b = source.mean(0), target.mean(0)
    u, s, vt = np.linalg.svd((source - a).T @ (target - b))
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign @ vt).T
    scale = (s * sign).sum() / ((source - a) ** 2).sum()
    return lambda p: scale * (p - a) @ rotation.T + b


def _vertex_normals(positions, triangles):
    """Unit normals; triangles counter-clockwise seen from outside."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros_like(positions)
    for k in range(3):
        np.add.at(normals, triangles[:, k], face)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def _lip_labels(positions, ring):
    """+1 upper lip and the skin above it, -1 lower lip and below, 0 elsewhere and in the corners."""
    half = len(ring) // 2
    upper, lower = ring[: half + 1], [ring[0]] + ring[:half - 1 : -1]
    line = (positions[upper, :2] + positions[lower, :2]) / 2
    line = line[np.argsort(line[:, 0])]
    above = positions[:, 1] - np.interp(positions[:, 0], line[:, 0], line[:, 1])
    near = (np.abs(positions[:, 0]) < abs(positions[ring[0], 0]) * 1.02) & (np.abs(above) < 4.5)
    labels = np.where(near, np.where(above > 0, 1, -1), 0)
    labels[ring[1:half]], labels[ring[half + 1 :]], labels[[ring[0], ring[half]]] = 1, -1, 0
    return labels, upper, lower


def _symmetric(values, mirror, names):
    """Averages each shape with the mirror image of its partner: values (shapes, vertices, 3)."""
    index = {name: i for i, name in enumerate(names)}
    partner = [index[mirrored_name(name)] for name in names]
    return (values + values[partner][:, mirror] * [-1, 1, 1]) / 2


def build_expression_basis(ict, canonical, subdivision, triangles, rings):
    neutral = ict["neutral"].astype(float)
    expressions = ict["expressions"].astype(float)
    names = [str(name) for name in ict["expression_names"]]
    skin = ict["triangles"][(ict["triangles"] < FACE_VERTICES).all(1)]
    skin_position = neutral[:FACE_VERTICES]
    mirror = mirror_of(subdivision @ canonical)

    # 1. Canonical mesh into ICT's space: similarity, then a thin-plate warp, both through the shared landmarks.
    source = canonical[list(MEDIAPIPE_OF_68.values())]
    target = neutral[[ICT_68[i] for i in MEDIAPIPE_OF_68]]
    place = _similarity(source, target)
    warp = RBFInterpolator(place(source), target, kernel="thin_plate_spline", smoothing=0.02)
    fitted = subdivision @ warp(place(canonical))
    fitted = (fitted + fitted[mirror] * [-1, 1, 1]) / 2

    # 2. Candidates on ICT's skin: vertices, triangle centres, edge mid-points.
    def spread(values):
        a, b, c = (values[..., skin[:, k], :] for k in range(3))
        return np.concatenate([values, (a + b + c) / 3, (a + b) / 2, (b + c) / 2], axis=-2)

    candidates = spread(skin_position)
    deltas = np.zeros((len(ARKIT_NAMES), FACE_VERTICES, 3))
    for delta, name in zip(deltas, ARKIT_NAMES):
        for part in ict_names(name):
            delta += expressions[names.index(part)][:FACE_VERTICES]
    normal = _vertex_normals(skin_position, skin)
    if normal[ICT_68[30], 2] < 0:
        skin = skin[:, ::-1]
        normal = -normal
    normal_deltas = np.stack([_vertex_normals(skin_position + d, skin) - normal for d in deltas])
    identities = ict["identities"][:IDENTITY_MODES, :FACE_VERTICES].astype(float)
    fields = np.concatenate([spread(f) for f in (deltas, normal_deltas, identities, normal[None])])

    # 3. The lips, told apart by how far ICT's vertices drop with jawOpen (less towards the corners).
    labels, upper, lower = _lip_labels(fitted, rings["innerLips"])
    jaw = ARKIT_NAMES.index("jawOpen")
    drop = -fields[jaw, :, 1]
    is_lower = drop > np.interp(np.abs(candidates[:, 0]), [0, 1, 2.2, 2.6], [1.9, 1.75, 1.5, 1.35])
    in_mouth = np.abs(candidates[:, 0]) < 2.6
    allowed = {
        1: np.where(~(is_lower & in_mouth))[0],
        -1: np.where(is_lower | ~in_mouth)[0],
        0: np.arange(len(candidates)),
    }

    weights = sparse.lil_matrix((len(fitted), len(candidates)))
    gap = np.zeros(len(fitted))
    for label, subset in allowed.items():
        rows = np.where(labels == label)[0]
        distance, nearest = cKDTree(candidates[subset]).query(fitted[rows], k=6)
        weight = 1 / (distance + 0.03) ** 2
        weight /= weight.sum(1, keepdims=True)
        gap[rows] = distance[:, 0]
        for row, at, value in zip(rows, subset[nearest], weight):
            weights[row, at] = value
    weights = weights.tocsr()
    surface = weights @ candidates
    moved = np.stack([weights @ field for field in fields])

    shapes = len(ARKIT_NAMES)
    expression, expression_normal = moved[:shapes], moved[shapes : 2 * shapes]
    identity, normals = moved[2 * shapes : -1], moved[-1]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals + normals[mirror] * [-1, 1, 1]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # Onto ICT's surface along the normal only: the vertices keep their even spacing.
    positions = fitted + normals * ((surface - fitted) * normals).sum(1, keepdims=True)
    positions = (positions + positions[mirror] * [-1, 1, 1]) / 2

    expression = _smooth(expression, triangles, labels, rings)
    rounding = _round_lower_lip(expression[jaw], fitted, labels, lower)
    expression[jaw] += rounding
    expression[ARKIT_NAMES.index("mouthClose")] -= rounding  # so that mouthClose still closes what jawOpen opens
    expression = _symmetric(expression, mirror, ARKIT_NAMES)
    expression_normal = _symmetric(expression_normal, mirror, ARKIT_NAMES)
    print(f"projection distance mean {gap.mean():.3f} max {gap.max():.3f}")
    print("jawOpen upper ring y", expression[jaw][upper][:, 1].round(2))
    print("jawOpen lower ring y", expression[jaw][lower][:, 1].round(2))
    return {
        "positions": positions,
        "normals": normals,
        "labels": labels,
        "expression": expression,
        "expressionNormal": expression_normal,
        # Only the 468 original vertices: identity modes are smooth, the subdivision carries them to the rest.
        "identity": identity[:, : subdivision.shape[1]],
    }


def _smooth(expression, triangles, labels, rings):
    """Laplacian smoothing that never mixes the two lips and leaves the hole rings alone."""
    count = len(labels)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    edges = edges[labels[edges[:, 0]] * labels[edges[:, 1]] >= 0]
    adjacency = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    average = sparse.diags(1 / np.asarray(adjacency.sum(1)).ravel()) @ adjacency

    holes = np.zeros(count, bool)
    holes[rings["innerLips"] + rings["rightEye"] + rings["leftEye"]] = True

    def relax(values, movable, amount):
        return np.where(movable[:, None], (1 - amount) * values + amount * (average @ values), values)

    smooth = np.stack([relax(relax(values, ~holes, 0.5), ~holes, 0.5) for values in expression])
    # Otherwise the lower lip folds over the chin when these shapes push against each other.
    below_lip = (labels == -1) & ~holes
    below_lip[rings["outerLips"]] = False
    for name in ("mouthFunnel", "mouthPucker", "mouthRollLower", "mouthShrugLower"):
        at = ARKIT_NAMES.index(name)
        for _ in range(16):
            smooth[at] = relax(smooth[at], below_lip, 0.6)
    return smooth


def _round_lower_lip(jaw_open, positions, labels, lower):
    """What makes ICT's V-shaped open lower lip round as real ones are: profile 1 - |t|^2.7 across the lip."""
    across = np.abs(positions[lower, 0]) / np.abs(positions[lower, 0]).max()
    drop = jaw_open[lower, 1]
    lift = drop[0] + (drop.min() - drop[0]) * (1 - across**2.7) - drop
    lift[[0, -1]] = 0
    distance, nearest = cKDTree(positions[lower]).query(positions, k=3)
    weight = 1 / (distance + 0.05) ** 2
    weight /= weight.sum(1, keepdims=True)
    falloff = np.exp(-((distance[:, 0] / 1.2) ** 2)) * (labels <= 0)
    return np.stack([falloff * 0, (weight * lift[nearest]).sum(1) * falloff, falloff * 0], 1)
