"""A tongue: one parametric surface, posed by bending its spine.

In: place across u (-1 … 1) and along s (units from the underside of the tip, over the tip, to the root). Out: points in
basis space. The picture is painted once, in `PRESENT`, where the whole back of the tongue faces the viewer; the poses
only move the grid that carries it.
"""

import numpy as np

LENGTH = 4.4  # along the spine

# A pose: where the tip's underside is (y, z), its width and the depth of its furrow relative to the painted tongue, and the
# spine's lean at stations along it: 0 degrees climbs straight up and so faces the viewer, 90 degrees runs straight back
# into the mouth and shows its edge only.
PRESENT = {
    "start": (-6.0, 10.0), "width": 1, "groove": 0.20,
    "lean": [(0, -10), (0.5, 25), (1.0, 48), (2.5, 52), (4.4, 62)],
}  # fmt: skip
POSES = {
    "rest": {
        "start": (-5.10, 9.35), "width": 1, "groove": 0.12,
        "lean": [(0, -5), (0.5, 35), (0.9, 68), (2.0, 78), (3.2, 90), (4.4, 104)],
    },
    "tipUp": {
        "start": (-4.55, 9.25), "width": 1, "groove": 0.08,
        "lean": [(0, 5), (0.8, 8), (1.4, 12), (1.7, 80), (2.4, 120), (4.4, 105)],
    },
    "between": {
        "start": (-4.56, 10.85), "width": 0.92, "groove": 0.05,
        "lean": [(0, -25), (0.4, 15), (0.8, 80), (2.0, 87), (4.4, 89)],
    },
    "out": {
        "start": (-6.25, 11.55), "width": 0.78, "groove": 0.12,
        "lean": [(0, -15), (0.5, 12), (1.3, 20), (2.0, 50), (2.5, 66), (4.4, 74)],
    },
}  # fmt: skip
# Weight of tongueOut at which each pose is reached.
PATH = [("rest", 0.0), ("tipUp", 0.35), ("between", 0.65), ("out", 1.0)]


def half_width(s):
    """Round tip, then nearly parallel sides."""
    t = np.clip(s / 2.3, 0.002, 1)
    return 1.72 * np.sqrt(1 - (1 - t) ** 2)


def tongue_points(pose, u, s):
    """(n, 3) for equal-length u and s; |u| > 1 and s < 0 continue the surface's rim."""
    fine = np.linspace(-0.3, LENGTH + 0.3, 481)
    stations = np.array(pose["lean"], float)
    lean = np.radians(np.interp(fine, stations[:, 0], stations[:, 1]))
    kernel = np.hanning(41) / np.hanning(41).sum()
    lean = np.convolve(np.pad(lean, 20, mode="edge"), kernel, "valid")
    step = fine[1] - fine[0]
    up = np.cumsum(np.cos(lean)) * step
    back = np.cumsum(np.sin(lean)) * step
    up, back = up - np.interp(0, fine, up), back - np.interp(0, fine, back)
    y, z = pose["start"][0] + np.interp(s, fine, up), pose["start"][1] - np.interp(s, fine, back)
    angle = np.interp(s, fine, lean)
    # Across: a dome with rounded sides, a groove down the middle that fades out at the tip and the root.
    groove = pose["groove"] * np.exp(-((u / 0.17) ** 2)) * np.clip((s - 0.5) / 0.9, 0, 1) * np.clip((4.6 - s) / 1.5, 0, 1)
    sink = (0.48 * np.abs(u) ** 2.6 - 0.10 * (1 - u**2)) * np.clip(0.2 + s / 2.4, 0.2, 1) + groove
    side = np.sign(u) * (1 - (1 - np.minimum(np.abs(u), 1)) ** 1.15) + np.sign(u) * np.maximum(np.abs(u) - 1, 0) * 0.8
    return np.stack([pose["width"] * half_width(s) * side, y - sink * np.sin(angle), z - sink * np.cos(angle)], -1)


def tongue_mesh(columns=97, rows=145):
    """The painted mesh in the presenting pose: vertices, triangles, form (red: pale coat of the back, green: groove)."""
    u, s = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, LENGTH, rows))
    at = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    faces = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    u, s = u.ravel(), s.ravel()
    form = np.zeros((len(u), 3))
    form[:, 0] = 0.55 * np.exp(-((u / 0.55) ** 2)) * np.clip((s - 0.7) / 1.5, 0, 1)
    form[:, 1] = 0.7 * np.exp(-((u / 0.10) ** 2)) * np.clip((s - 0.6) / 1.2, 0, 1)
    return tongue_points(PRESENT, u, s), faces, form


def tongue_grid(columns=11, rows=11):
    """u and s of the grid that carries the picture, a little wider than the painted mesh; row 0 is the root."""
    across = np.linspace(-1.06, 1.06, columns)
    along = np.concatenate([[LENGTH + 0.12], np.linspace(LENGTH - 0.1, 1.6, rows - 6), [1.2, 0.8, 0.45, 0.15, -0.12]])
    u, s = np.meshgrid(across, along)
    return u, s
