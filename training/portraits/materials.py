"""Blender materials of a synthetic person: skin, eyes, hair, knitted cloth.

In: painted maps (arrays) and numbers from the recipe. Out: bpy materials. Imported by scene.py inside Blender.
"""

import bpy
import numpy as np


def add_image(name: str, pixels: np.ndarray):
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, 2)
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=False, float_buffer=True)
    image.colorspace_settings.name = "Linear" if "Linear" in _colour_spaces() else "Non-Color"
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    return image


def _colour_spaces() -> list[str]:
    kind = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"]
    return [item.identifier for item in kind.enum_items]


class Material:
    """A node tree with short ways to add and link."""

    def __init__(self, name: str):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        self.out = self.tree.nodes.new("ShaderNodeOutputMaterial")

    def node(self, kind: str, **inputs):
        node = self.tree.nodes.new("ShaderNode" + kind)
        for name, value in inputs.items():
            key = name.replace("_", " ")
            self.set(node, key, value)
        return node

    def set(self, node, key, value):
        socket = node.inputs[key]
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, (list, tuple, np.ndarray)) and socket.type == "RGBA":
            socket.default_value = (*value, 1.0)[:4]
        else:
            socket.default_value = value

    def image(self, name: str, pixels: np.ndarray, extend: str = "EXTEND", vector=None):
        node = self.tree.nodes.new("ShaderNodeTexImage")
        node.image = add_image(name, pixels)
        node.extension = extend
        if vector is not None:
            self.tree.links.new(vector, node.inputs["Vector"])
        return node.outputs["Color"]

    def finish(self, shader):
        self.tree.links.new(shader, self.out.inputs["Surface"])
        return self.material


def skin_material(data, skin: dict):
    m = Material("skin")
    albedo = m.image("albedo", data["skin_albedo"])
    rough = m.image("roughness", data["skin_roughness"])
    height = m.image("height", data["skin_height"])
    position = m.node("TexCoord").outputs["Object"]
    pores = m.node("TexVoronoi", Vector=position, Scale=6.5)
    grain = m.node("TexNoise", Vector=position, Scale=9.0, Detail=4.0)
    # Seen at a slant, painted relief is stretched and glints like a wire around the nose and jaw: fade it there.
    slant = m.node("LayerWeight", Blend=0.5).outputs["Facing"]

    def faded(strength: float):
        ease = m.tree.nodes.new("ShaderNodeMapRange")
        for key, value in (("Value", slant), ("From Min", 0.25), ("From Max", 0.75), ("To Min", strength), ("To Max", 0.0)):
            m.set(ease, key, value)
        return ease.outputs[0]

    fine = m.node("Bump", Strength=faded(skin.get("pores", 0.10)), Distance=0.05, Height=pores.outputs["Distance"])
    coarse = m.node("Bump", Strength=faded(0.10), Distance=0.08, Height=grain.outputs["Fac"], Normal=fine.outputs[0])
    painted = m.node("Bump", Strength=faded(0.30), Distance=0.035, Height=height, Normal=coarse.outputs[0])
    depth = skin.get("scatter", 1.0)
    shader = m.node(
        "BsdfPrincipled",
        Base_Color=albedo,
        Subsurface_Color=albedo,
        Subsurface=1.0,
        Subsurface_Radius=(0.42 * depth, 0.16 * depth, 0.085 * depth),
        Specular=faded(skin.get("specular", 0.42)),
        Roughness=rough,
        Normal=painted.outputs[0],
    )
    return m.finish(shader.outputs[0])


def wet_material(colour):
    m = Material("wet")
    shader = m.node(
        "BsdfPrincipled", Base_Color=colour, Subsurface=0.6, Subsurface_Color=colour,
        Subsurface_Radius=(0.3, 0.12, 0.08), Roughness=0.22, Specular=0.5,
    )  # fmt: skip
    return m.finish(shader.outputs[0])


def eye_material(pixels: np.ndarray):
    m = Material("eye")
    colour = m.image("eye", pixels)
    shader = m.node(
        "BsdfPrincipled", Base_Color=colour, Subsurface=0.25, Subsurface_Color=colour,
        Subsurface_Radius=(0.12, 0.06, 0.05), Roughness=0.5, Specular=0.1,
    )  # fmt: skip
    return m.finish(shader.outputs[0])


def cornea_material():
    """A clear wet coat: what does not reflect passes straight through."""
    m = Material("cornea")
    fresnel = m.node("Fresnel", IOR=1.6)
    glossy = m.node("BsdfGlossy", Roughness=0.03)
    clear = m.node("BsdfTransparent")
    mix = m.tree.nodes.new("ShaderNodeMixShader")
    for k, socket in enumerate((fresnel.outputs[0], clear.outputs[0], glossy.outputs[0])):
        m.tree.links.new(socket, mix.inputs[k])
    return m.finish(mix.outputs[0])


def hair_material(look: dict):
    m = Material("hair")
    if "plain" in look:
        return m.finish(m.node("BsdfDiffuse", Color=look["plain"]).outputs[0])
    shader = m.tree.nodes.new("ShaderNodeBsdfHairPrincipled")
    shader.parametrization = "MELANIN"
    for key, value in (("Melanin", look["melanin"]), ("Melanin Redness", look.get("redness", 0.3)),
                       ("Roughness", look.get("roughness", 0.3)), ("Radial Roughness", 0.35),
                       ("Random Color", look.get("vary", 0.25)), ("Random Roughness", 0.2), ("Coat", 0.0)):  # fmt: skip
        shader.inputs[key].default_value = value
    if "tint" in look:
        shader.inputs["Tint"].default_value = (*look["tint"], 1)
    return m.finish(shader.outputs[0])


def knit_material(pattern: np.ndarray, colour, scale: float, depth: float):
    m = Material("knit")
    uv = m.node("TexCoord").outputs["UV"]
    mapping = m.node("Mapping", Vector=uv, Scale=(scale, scale * 1.25, 1))
    tile = m.image("knit", pattern, "REPEAT", mapping.outputs[0])
    fuzz = m.node("TexNoise", Vector=uv, Scale=5.0, Detail=6.0)
    bump = m.node("Bump", Strength=depth, Distance=0.12, Height=tile)
    soft = m.node("Bump", Strength=0.12, Distance=0.1, Height=fuzz.outputs["Fac"], Normal=bump.outputs[0])
    shade = m.tree.nodes.new("ShaderNodeMixRGB")
    shade.blend_type = "MULTIPLY"
    m.set(shade, "Fac", 0.45)
    m.set(shade, "Color1", colour)
    m.set(shade, "Color2", tile)
    shader = m.node(
        "BsdfPrincipled", Base_Color=shade.outputs[0], Roughness=0.9, Specular=0.12, Sheen=0.5, Sheen_Tint=0.6,
        Normal=soft.outputs[0],
    )  # fmt: skip
    return m.finish(shader.outputs[0])
