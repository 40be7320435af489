"""Runs inside Blender: builds the scene of one prepared person and renders it with Cycles.

In (after --): the .npz made by make_person.py, an output prefix, the picture's side in px, samples, threads.
Out: PREFIX-color.npy, PREFIX-albedo.npy, PREFIX-normal.npy, linear float32; colour is premultiplied RGBA
on nothing, the backdrop comes later. ICT axes (y up, z to the viewer)
become Blender's (x, -z, y).
"""

import json
import sys

import bpy
import numpy as np
from mathutils import Vector

ARGS = sys.argv[sys.argv.index("--") + 1 :]
DATA = np.load(ARGS[0], allow_pickle=False)
LOOK = json.loads(str(DATA["look"]))
SCENE = bpy.context.scene


def to_blender(points: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(points[..., [0, 2, 1]] * [1, -1, 1], np.float32)


def add_mesh(name: str, points: np.ndarray, faces: np.ndarray, uv: np.ndarray | None = None, subdivide: int = 0):
    mesh = bpy.data.meshes.new(name)
    sides = faces.shape[1]
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", to_blender(points).ravel())
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, sides, dtype=np.int32))
    mesh.polygons.foreach_set("loop_total", np.full(len(faces), sides, np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    if uv is not None:
        mesh.uv_layers.new(name="uv").data.foreach_set("uv", uv[faces.ravel()].astype(np.float32).ravel())
    mesh.update()
    mesh.validate()
    thing = bpy.data.objects.new(name, mesh)
    SCENE.collection.objects.link(thing)
    if subdivide:
        modifier = thing.modifiers.new("subdivide", "SUBSURF")
        modifier.render_levels = subdivide
    return thing


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


def skin_material():
    m, skin = Material("skin"), LOOK["skin"]
    albedo = m.image("albedo", DATA["skin_albedo"])
    rough = m.image("roughness", DATA["skin_roughness"])
    height = m.image("height", DATA["skin_height"])
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


def eye_material():
    m = Material("eye")
    colour = m.image("eye", DATA["eye_map"])
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


def knit_material(colour, scale: float, depth: float):
    m = Material("knit")
    uv = m.node("TexCoord").outputs["UV"]
    mapping = m.node("Mapping", Vector=uv, Scale=(scale, scale * 1.25, 1))
    tile = m.image("knit", DATA["knit_tile"], "REPEAT", mapping.outputs[0])
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


def add_strands(name: str, points: np.ndarray, radius: np.ndarray, material) -> None:
    """Polylines as true hair curves: a hidden wire mesh that a node tree turns into curves."""
    n, k = radius.shape
    mesh = bpy.data.meshes.new(name + "-wire")
    mesh.vertices.add(n * k)
    mesh.vertices.foreach_set("co", to_blender(points).ravel())
    index = np.arange(n * k, dtype=np.int32).reshape(n, k)
    edges = np.stack([index[:, :-1], index[:, 1:]], -1).reshape(-1, 2)
    mesh.edges.add(len(edges))
    mesh.edges.foreach_set("vertices", edges.ravel())
    mesh.attributes.new("thick", "FLOAT", "POINT").data.foreach_set("value", radius.astype(np.float32).ravel())
    mesh.update()
    wire = bpy.data.objects.new(name + "-wire", mesh)
    SCENE.collection.objects.link(wire)
    wire.hide_render = True
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.outputs.new("NodeSocketGeometry", "Geometry")
    nodes, links = tree.nodes, tree.links
    source = nodes.new("GeometryNodeObjectInfo")
    source.inputs[0].default_value = wire
    curve = nodes.new("GeometryNodeMeshToCurve")
    thick = nodes.new("GeometryNodeInputNamedAttribute")
    thick.data_type = "FLOAT"
    thick.inputs["Name"].default_value = "thick"
    set_radius = nodes.new("GeometryNodeSetCurveRadius")
    set_material = nodes.new("GeometryNodeSetMaterial")
    set_material.inputs["Material"].default_value = material
    out = nodes.new("NodeGroupOutput")
    links.new(source.outputs["Geometry"], curve.inputs["Mesh"])
    links.new(curve.outputs[0], set_radius.inputs[0])
    links.new(thick.outputs["Attribute"], set_radius.inputs["Radius"])
    links.new(set_radius.outputs[0], set_material.inputs[0])
    links.new(set_material.outputs[0], out.inputs[0])
    hair = bpy.data.objects.new(name, bpy.data.hair_curves.new(name))
    SCENE.collection.objects.link(hair)
    hair.modifiers.new("grow", "NODES").node_group = tree


def aim(thing, place, target) -> None:
    place, target = (Vector(to_blender(np.array(p, float)).tolist()) for p in (place, target))
    thing.location = place
    thing.rotation_euler = (target - place).to_track_quat("-Z", "Y").to_euler()


def add_light(name: str, place, target, power: float, size: float, colour) -> None:
    light = bpy.data.lights.new(name, "AREA")
    light.energy, light.size, light.color = power, size, colour
    thing = bpy.data.objects.new(name, light)
    SCENE.collection.objects.link(thing)
    aim(thing, place, target)


def build_eyes() -> None:
    eye, coat = eye_material(), cornea_material()
    for side in ("L", "R"):
        centre, radius = DATA[f"eye_centre_{side}"], float(DATA[f"eye_radius_{side}"])
        u, v = np.meshgrid(np.linspace(0, np.pi, 97), np.linspace(0, 2 * np.pi, 129)[:-1], indexing="ij")
        unit = np.stack([np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u)], -1).reshape(-1, 3)
        quads = []
        for i in range(96):
            for j in range(128):
                quads.append((i * 128 + j, (i + 1) * 128 + j, (i + 1) * 128 + (j + 1) % 128, i * 128 + (j + 1) % 128))
        quads = np.array(quads)
        r = np.hypot(unit[:, 0], unit[:, 1])
        ball = unit.copy()
        front = unit[:, 2] > 0
        # The iris is a shallow dish behind the cornea, not part of the ball.
        dish = np.sqrt(1 - 0.49**2) - 0.05 + 0.10 * (r / 0.49) ** 2 * 0.5
        inside = np.clip((0.49 - r) / 0.04, 0, 1) * front
        ball[:, 2] = ball[:, 2] * (1 - inside) + dish * inside
        outward = 0.06 if side == "L" else -0.06  # eyes that look at a lens still sit a little apart
        turn = (outward + LOOK["eyes"].get("gaze_x", 0.0), LOOK["eyes"].get("gaze_y", 0.0))
        cx, sx, cy, sy = np.cos(turn[0]), np.sin(turn[0]), np.cos(turn[1]), np.sin(turn[1])
        spin = np.array([[cx, 0, sx], [0, 1, 0], [-sx, 0, cx]]) @ np.array([[1, 0, 0], [0, cy, -sy], [0, sy, cy]])
        uv = unit[:, :2] * 0.5 + 0.5
        add_mesh("eye" + side, centre + radius * 0.985 * ball @ spin.T, quads, uv).data.materials.append(eye)
        bulge = unit * (1 + 0.085 * (np.clip((0.56 - r) / 0.56, 0, 1) ** 1.3 * front)[:, None])
        coat_mesh = add_mesh("cornea" + side, centre + radius * 1.003 * bulge @ spin.T, quads)
        coat_mesh.data.materials.append(coat)
        coat_mesh.visible_shadow = False


def build() -> None:
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    skin = add_mesh("skin", DATA["skin_points"], DATA["skin_triangles"], DATA["skin_uv"], 1)
    skin.data.materials.append(skin_material())
    build_eyes()
    wet = wet_material(LOOK["skin"].get("caruncle", (0.55, 0.22, 0.2)))
    for side in ("L", "R"):
        add_mesh("caruncle" + side, DATA[f"caruncle_points_{side}"], DATA[f"caruncle_triangles_{side}"]).data.materials.append(wet)
    top = LOOK["top"]
    for part, scale in (("body", top.get("stitches", 1.9)), ("collar", 0.0)):
        cloth = add_mesh(part, DATA[part + "_points"], DATA[part + "_quads"], DATA[part + "_uv"])
        cloth.data.materials.append(knit_material(top["colour"], scale, top.get("knit", 0.6) if scale else 0.0))
    for name in ("hair", "brows", "lashes"):
        add_strands(name, DATA[name + "_points"], DATA[name + "_radius"], hair_material(LOOK[name]["colour"]))

    light = LOOK["light"]
    add_light("key", light.get("key_place", (-34, 30, 60)), (0, 0, 4), light.get("key", 42000), 30, (1.0, 0.96, 0.91))
    add_light("fill", (48, 6, 52), (0, 0, 2), light.get("fill", 13000), 44, (0.9, 0.95, 1.0))
    add_light("rim", (34, 30, -44), (0, 3, 0), light.get("rim", 26000), 20, (1.0, 0.97, 0.93))
    add_light("rim2", (-40, 22, -40), (0, 3, 0), light.get("rim2", 12000), 20, (0.95, 0.97, 1.0))
    world = bpy.data.worlds.new("room")
    SCENE.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.5, 0.53, 0.58, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = light.get("ambient", 0.22)

    camera = bpy.data.cameras.new("camera")
    thing = bpy.data.objects.new("camera", camera)
    SCENE.collection.objects.link(thing)
    SCENE.camera = thing
    frame = LOOK.get("frame", {})
    centre, distance, span = frame.get("centre", (0, -0.4)), 165.0, frame.get("span", 43.0)
    aim(thing, (centre[0], centre[1], distance), (centre[0], centre[1], 0))
    camera.angle = 2 * np.arctan(span / 2 / distance)


def render(prefix: str, side_px: int, samples: int, threads: int) -> None:
    r = SCENE.render
    r.engine = "CYCLES"
    r.resolution_x = r.resolution_y = side_px
    r.threads_mode, r.threads = "FIXED", threads
    r.film_transparent = True
    c = SCENE.cycles
    c.samples, c.use_denoising, c.seed = samples, False, 1
    c.use_adaptive_sampling, c.adaptive_threshold, c.adaptive_min_samples = True, 0.02, 4
    c.max_bounces, c.diffuse_bounces, c.glossy_bounces, c.transmission_bounces, c.transparent_max_bounces = 4, 2, 2, 2, 8
    c.sample_clamp_indirect, c.sample_clamp_direct = 4.0, 12.0
    c.caustics_reflective = c.caustics_refractive = False
    SCENE.cycles_curves.shape = "RIBBONS"
    layer = SCENE.view_layers[0]
    layer.cycles.denoising_store_passes = True
    SCENE.use_nodes = True
    tree = SCENE.node_tree
    tree.nodes.clear()
    passes = tree.nodes.new("CompositorNodeRLayers")
    folder, name = prefix.rsplit("/", 1)
    for output, label in (("Image", "color"), ("Denoising Albedo", "albedo"), ("Denoising Normal", "normal")):
        node = tree.nodes.new("CompositorNodeOutputFile")
        node.base_path = folder
        node.format.file_format, node.format.color_depth, node.format.color_mode = "OPEN_EXR", "32", "RGBA"
        node.file_slots[0].path = f"{name}-{label}-"
        tree.links.new(passes.outputs[output], node.inputs[0])
    r.filepath = prefix + "-unused"
    bpy.ops.render.render(write_still=False)
    for label in ("color", "albedo", "normal"):  # the passes as plain arrays, top row first
        image = bpy.data.images.load(f"{prefix}-{label}-0001.exr")
        pixels = np.empty(side_px * side_px * image.channels, np.float32)
        image.pixels.foreach_get(pixels)
        np.save(f"{prefix}-{label}.npy", pixels.reshape(side_px, side_px, -1)[::-1])


build()
render(ARGS[1], int(ARGS[2]), int(ARGS[3]), int(ARGS[4]))
