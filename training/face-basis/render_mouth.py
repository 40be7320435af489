"""Runs inside Blender (Cycles, CPU): path-traces the mouth interior from the front, one picture per layer.

    blender --background --factory-startup --python render_mouth.py -- MESHES.npz OUT_FOLDER SAMPLES LAYER...

In: MESHES.npz from mouth_scene.py (vertices in ICT units, per-vertex attributes). Out: LAYER.png (16-bit RGBA, straight
alpha, lit) and LAYER.mask.png (white where tooth). The camera looks along -z without perspective at a fixed rectangle.
Light enters through an opening the shape of parted lips, so that teeth darken towards the corners, under the upper
lip and into the mouth, as real ones do. Fixed seed, no denoiser.
"""

import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

scene_file, out_folder, samples = sys.argv[sys.argv.index("--") + 1 :][:3]
wanted = sys.argv[sys.argv.index("--") + 4 :]
data = np.load(scene_file)
x0, x1, y0, y1 = data["rect"]
px_per_unit = int(data["px_per_unit"])


def add_mesh(name, levels):
    vertices, faces = data[f"{name}.vertices"], data[f"{name}.faces"]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    attribute = mesh.color_attributes.new("form", "FLOAT_COLOR", "POINT")
    form = np.c_[data[f"{name}.form"], np.ones(len(vertices))].astype(np.float32)
    attribute.data.foreach_set("color", form.ravel())
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    item = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(item)
    if levels:
        modifier = item.modifiers.new("round", "SUBSURF")
        modifier.levels = modifier.render_levels = levels
    return item


class Nodes:
    """A material's node tree, with the few things asked of it here."""

    def __init__(self, name):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()

    def add(self, kind, inputs=None, **settings):
        node = self.tree.nodes.new(kind)
        for key, value in settings.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, node.inputs[key])
            else:
                node.inputs[key].default_value = value
        return node

    def ramp(self, factor, stops):
        node = self.add("ShaderNodeValToRGB", {"Fac": factor})
        elements = node.color_ramp.elements
        node.color_ramp.interpolation = "EASE"
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, colour) in zip(elements, stops):
            element.position = position
            element.color = (*colour, 1) if len(colour) == 3 else colour
        return node.outputs["Color"]

    def form(self):
        attribute = self.add("ShaderNodeVertexColor", layer_name="form").outputs["Color"]
        return self.add("ShaderNodeSeparateColor", {"Color": attribute}).outputs

    def mix(self, kind, factor, a, b):
        return self.add("ShaderNodeMixRGB", {"Fac": factor, "Color1": a, "Color2": b}, blend_type=kind).outputs["Color"]

    def noise(self, scale, detail=3.0, stretch=(1, 1, 1)):
        position = self.add("ShaderNodeNewGeometry").outputs["Position"]
        scaled = self.add("ShaderNodeVectorMath", {0: position, 1: stretch}, operation="MULTIPLY").outputs["Vector"]
        return self.add("ShaderNodeTexNoise", {"Vector": scaled, "Scale": scale, "Detail": detail}).outputs["Fac"]

    def bump(self, height, strength, distance):
        inputs = {"Height": height, "Strength": strength, "Distance": distance}
        return self.add("ShaderNodeBump", inputs).outputs["Normal"]

    def finish(self, shader):
        self.add("ShaderNodeOutputMaterial", {"Surface": shader.outputs[0]})
        return self.material


def tooth_material():
    """form: r height above the biting edge (0 … 1 = 1.2 units), g tone of this tooth, b unused."""
    n = Nodes("tooth")
    form = n.form()
    mottled = n.add("ShaderNodeMath", {0: n.noise(3.0, 4, (1, 0.6, 1)), 1: 0.10, 2: -0.05}, operation="MULTIPLY_ADD").outputs[0]
    height = n.add("ShaderNodeMath", {0: form["Red"], 1: mottled}, operation="ADD").outputs[0]
    body = n.ramp(
        height,
        [
            (0.00, (0.44, 0.47, 0.50)),  # the biting edge lets the mouth's dark through
            (0.07, (0.60, 0.605, 0.60)),
            (0.18, (0.74, 0.715, 0.665)),
            (0.36, (0.80, 0.755, 0.665)),
            (0.70, (0.78, 0.705, 0.58)),
            (1.00, (0.66, 0.54, 0.40)),
        ],
    )
    tone = n.ramp(form["Green"], [(0.0, (0.80, 0.76, 0.68)), (1.0, (1.0, 1.0, 1.0))])
    colour = n.mix("MULTIPLY", 1.0, body, tone)
    ridges = n.noise(9.0, 2, (1, 0.18, 1))
    normal = n.bump(ridges, 0.25, 0.012)
    shader = n.add(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": colour,
            "Subsurface": 0.55,
            "Subsurface Color": colour,
            "Subsurface Radius": (0.16, 0.13, 0.10),
            "Specular": 0.45,
            "Roughness": 0.3,
            "Clearcoat": 0.25,
            "Clearcoat Roughness": 0.12,
            "Normal": normal,
        },
    )
    return n.finish(shader)


def flesh_material(name, deep, shallow, roughness, grain):
    """form: r paler (beside the teeth, on the tongue's back), g darker (the tongue's groove)."""
    n = Nodes(name)
    blotch = n.noise(2.2, 4)
    form = n.form()
    colour = n.mix("MIX", form["Red"], n.mix("MIX", blotch, deep, shallow), (0.62, 0.30, 0.27, 1))
    colour = n.mix("MULTIPLY", form["Green"], colour, (0.62, 0.52, 0.52, 1))
    normal = n.bump(n.noise(grain, 2), 0.45, 0.015)
    shader = n.add(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": colour,
            "Subsurface": 0.5,
            "Subsurface Color": colour,
            "Subsurface Radius": (0.22, 0.09, 0.07),
            "Specular": 0.45,
            "Roughness": roughness,
            "Clearcoat": 0.3,
            "Clearcoat Roughness": 0.18,
            "Normal": normal,
        },
    )
    return n.finish(shader)


def matt_material(name, colour):
    n = Nodes(name)
    return n.finish(n.add("ShaderNodeBsdfDiffuse", {"Color": colour}))


def flat_material(name, value):
    n = Nodes(name)
    return n.finish(n.add("ShaderNodeEmission", {"Color": (value, value, value, 1)}))


def light(name, position, size, watts, colour=(1, 1, 1)):
    lamp = bpy.data.lights.new(name, "AREA")
    lamp.shape, lamp.size, lamp.size_y, lamp.energy, lamp.color = "RECTANGLE", size[0], size[1], watts, colour
    item = bpy.data.objects.new(name, lamp)
    item.location = position
    item.rotation_euler = (Vector((0, -4, 9.5)) - Vector(position)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(item)


def main():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = int(samples)
    scene.cycles.seed = 7
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 6
    scene.cycles.sample_clamp_indirect = 4
    scene.render.film_transparent = True
    scene.render.resolution_x = round((x1 - x0) * px_per_unit)
    scene.render.resolution_y = round((y1 - y0) * px_per_unit)
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "16"
    scene.view_settings.view_transform = "Standard"
    scene.render.threads_mode = "FIXED"
    scene.render.threads = 2

    camera = bpy.data.cameras.new("front")
    camera.type, camera.ortho_scale = "ORTHO", float(max(x1 - x0, y1 - y0))
    item = bpy.data.objects.new("front", camera)
    item.location = ((x0 + x1) / 2, (y0 + y1) / 2, 40)
    camera.clip_end = 100
    bpy.context.collection.objects.link(item)
    scene.camera = item

    world = bpy.data.worlds.new("room")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (1, 0.98, 0.96, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = float(data["world"])
    light("key", (0, 13, 34), (20, 10), float(data["key"]))
    light("fill", (0, -12, 34), (20, 10), float(data["fill"]))

    tooth = tooth_material()
    gum = flesh_material("gum", (0.46, 0.155, 0.15, 1), (0.56, 0.22, 0.205, 1), 0.38, 26)
    tongue = flesh_material("tongue", (0.50, 0.19, 0.175, 1), (0.60, 0.26, 0.24, 1), 0.42, 16)
    cheek = matt_material("cheek", (0.30, 0.08, 0.07, 1))
    white, black = flat_material("white", 1), flat_material("black", 0)

    parts = {}
    for key in sorted({k.split(".")[0] for k in data.files if "." in k}):
        parts[key] = add_mesh(key, int(data[f"{key}.levels"]))
        kind = "tooth" if "Teeth" in key else "gum" if "Gum" in key else "tongue" if "tongue" in key else "cheek"
        parts[key].data.materials.append({"tooth": tooth, "gum": gum, "tongue": tongue, "cheek": cheek}[kind])

    layers = {"upperTeeth": ["upperTeeth", "upperGum"], "lowerTeeth": ["lowerTeeth", "lowerGum"], "tongue": ["tongue"]}
    rest = {name: part.location.copy() for name, part in parts.items()}
    for layer in wanted:
        for name, part in parts.items():
            part.visible_camera = name in layers[layer]
            part.location = rest[name].copy()
            part.hide_render = name == "tongue" and layer != "tongue" or layer == "tongue" and "lower" in name
        # The other jaw only throws its shadow and colour, from where it is when the mouth is open.
        apart = float(data["apart"])
        for name, part in parts.items():
            if layer == "upperTeeth" and name in ("lowerTeeth", "lowerGum"):
                part.location.y -= apart
            if layer != "upperTeeth" and name in ("upperTeeth", "upperGum"):
                part.location.y += apart
            if name == "lips" and layer != "upperTeeth":
                part.location.y += apart * 0.5
            if name == "lips" and layer == "upperTeeth":
                part.location.y -= apart * 0.15
        scene.render.filepath = str(Path(out_folder) / f"{layer}.png")
        bpy.ops.render.render(write_still=True)

        if layer != "tongue":
            materials = {name: part.data.materials[0] for name, part in parts.items()}
            for name, part in parts.items():
                part.hide_render = name not in layers[layer]
                part.data.materials[0] = white if "Teeth" in name else black
            scene.cycles.samples = 64
            scene.render.filepath = str(Path(out_folder) / f"{layer}.mask.png")
            bpy.ops.render.render(write_still=True)
            scene.cycles.samples = int(samples)
            for name, part in parts.items():
                part.data.materials[0] = materials[name]


main()
