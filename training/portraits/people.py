"""The recipes of the synthetic people: shape, skin, eyes, hair, clothes, light. Colours are linear RGB.

Nobody real: the shape is a seeded draw from a statistical head model.
"""

PEOPLE = {
    "maya": {
        "seed": 11,
        "spread": 0.25,
        "modes": {0: 1.2, 1: 0.9, 2: -0.3, 3: 0.5, 4: -0.6, 5: 0.6, 9: 0.6},
        "expression": {"mouthSmile": 0.34, "mouthDimple": 0.1, "cheekSquint": 0.15, "eyeWide": 0.3},
        "skin": {
            "albedo": [0.58, 0.345, 0.235],
            "redness": 0.75,
            "lips": [0.40, 0.135, 0.125],
            "lip_strength": 0.8,
            "freckles": 90,
            "freckle_strength": 0.3,
        },
        "eyes": {"iris": [0.10, 0.042, 0.016], "inner": [0.22, 0.10, 0.032]},
        "brows": {
            "count": 560, "thickness": 1.0, "length": 0.8, "arch": 0.0, "width": 0.009,
            "colour": {"melanin": 0.86, "redness": 0.4},
        },
        "lashes": {"upper": 130, "lower": 40, "length": 0.72, "colour": {"melanin": 0.99, "redness": 0.1}},
        "hair": {
            "style": "parted", "count": 34000, "steps": 28, "lift": 1.7, "part_x": 1.8, "hairline_shift": -4.0, "half_width": 8.3, "clump": 0.55, "clump_size": 60,
            "wave": 0.22, "turns": 1.6, "frizz": 0.35, "width": 0.016,
            "colour": {"melanin": 0.88, "redness": 0.45, "roughness": 0.28},
        },
        "top": {"colour": [0.36, 0.085, 0.045], "stitches": 1.9},
        "backdrop": {"centre": [0.30, 0.33, 0.34], "edge": [0.07, 0.09, 0.10]},
        "light": {},
    },
    "kofi": {
        "seed": 21,
        "spread": 0.25,
        "modes": {0: -0.6, 1: 0.4, 2: -1.3, 4: 0.1},
        "expression": {"mouthSmile": 0.42, "mouthDimple": 0.1, "cheekSquint": 0.15, "eyeWide": 0.15},
        "skin": {
            "albedo": [0.155, 0.075, 0.046],
            "redness": 0.35,
            "lips": [0.165, 0.066, 0.056],
            "lip_strength": 0.7,
            "stubble": 0.35,
            "specular": 0.5,
            "roughness": 0.47,
        },
        "eyes": {"iris": [0.045, 0.02, 0.01], "inner": [0.09, 0.04, 0.018]},
        "brows": {
            "count": 760, "thickness": 1.35, "length": 0.75, "width": 0.011,
            "colour": {"melanin": 0.99, "redness": 0.1},
        },
        "lashes": {"upper": 110, "lower": 45, "length": 0.75, "colour": {"melanin": 0.99, "redness": 0.1}},
        "hair": {
            "style": "curls", "count": 24000, "points": 22, "side_length": 0.5, "top_length": 1.5, "curl": 0.13, "turns_per_unit": 2.2,
            "width": 0.017, "colour": {"melanin": 0.985, "redness": 0.2, "roughness": 0.35},
        },
        "top": {"colour": [0.33, 0.20, 0.03], "stitches": 1.6},
        "backdrop": {"centre": [0.22, 0.27, 0.30], "edge": [0.05, 0.07, 0.085]},
        "light": {"key": 52000, "exposure": 1.1},
    },
    "henrik": {
        "seed": 5,
        "spread": 0.3,
        "modes": {0: -1.1, 1: -0.2, 2: 0.9, 4: 0.6},
        "expression": {"mouthSmile": 0.45, "mouthDimple": 0.1, "cheekSquint": 0.2, "eyeWide": 0.25},
        "skin": {
            "albedo": [0.56, 0.36, 0.275],
            "redness": 1.1,
            "lips": [0.40, 0.17, 0.15],
            "lip_strength": 0.6,
            "under_eye": 0.2,
            "stubble": 0.16,
            "pores": 0.16,
        },
        "eyes": {"iris": [0.10, 0.16, 0.22], "inner": [0.20, 0.22, 0.2]},
        "brows": {
            "count": 640, "thickness": 1.25, "length": 0.85, "width": 0.010,
            "colour": {"melanin": 0.42, "redness": 0.45},
        },
        "lashes": {"upper": 90, "lower": 40, "length": 0.7, "colour": {"melanin": 0.8, "redness": 0.3}},
        "hair": {
            "style": "crop", "count": 42000, "side_length": 0.9, "top_length": 2.8, "comb_x": 0.8, "clump": 0.4,
            "clump_size": 30, "frizz": 0.15, "hairline_shift": 4.0,
            "colour": {"melanin": 0.33, "redness": 0.35, "vary": 0.5},
        },
        "top": {"colour": [0.035, 0.06, 0.10], "stitches": 1.7},
        "backdrop": {"centre": [0.36, 0.33, 0.29], "edge": [0.10, 0.085, 0.07]},
        "light": {},
    },
    "mei": {
        "drawn": True,
        "seed": 31,
        "spread": 0.25,
        "modes": {0: 1.3, 1: 0.5, 2: -0.3, 4: -1.5, 5: 0.5},
        "expression": {"mouthSmile": 0.4, "mouthDimple": 0.1, "cheekSquint": 0.1, "eyeWide": 0.3},
        "skin": {"albedo": [0.66, 0.43, 0.31], "redness": 1.0, "lips": [0.52, 0.13, 0.12], "lip_strength": 0.9},
        "eyes": {"iris": [0.05, 0.024, 0.012], "inner": [0.12, 0.055, 0.02]},
        "brows": {
            "count": 600, "thickness": 0.9, "length": 0.75, "width": 0.011,
            "colour": {"melanin": 0.95, "redness": 0.2},
        },
        "lashes": {"upper": 130, "lower": 30, "length": 0.7, "colour": {"melanin": 0.99, "redness": 0.1}},
        "hair": {
            "style": "parted", "count": 26000, "steps": 21, "lift": 1.8, "part_x": -1.6, "hairline_shift": -4.0,
            "half_width": 8.0, "clump": 0.6, "clump_size": 60, "wave": 0.12, "turns": 0.8, "frizz": 0.2, "width": 0.02,
            "colour": {"melanin": 0.97, "redness": 0.25, "roughness": 0.25},
        },
        "top": {"colour": [0.10, 0.26, 0.21], "stitches": 1.9},
        "backdrop": {"centre": [0.75, 0.62, 0.45], "edge": [0.7, 0.58, 0.42]},
        "light": {"key": 48000, "fill": 18000, "ambient": 0.35, "exposure": 1.1},
    },
}  # fmt: skip
