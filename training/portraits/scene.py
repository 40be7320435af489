"""Runs inside Blender: builds the scene of one prepared person and renders it with Cycles.

In (after --): the .npz made by make_person.py, an output prefix, the picture's side in px, samples, threads.
Out: PREFIX-color.npy, PREFIX-albedo.npy, PREFIX-normal.npy, linear float32; colour is premultiplied RGBA
on nothing, the backdrop comes later. ICT axes (y up, z to the viewer)
become Blender's (x, -z, y).
"""

import json
import os
import sys

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from materials import cornea_material, eye_material, hair_material, knit_material, skin_material, wet_material

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
    eye, coat = eye_material(DATA["eye_map"]), cornea_material()
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
    skin.data.materials.append(skin_material(DATA, LOOK["skin"]))
    build_eyes()
    wet = wet_material(LOOK["skin"].get("caruncle", (0.55, 0.22, 0.2)))
    for side in ("L", "R"):
        add_mesh("caruncle" + side, DATA[f"caruncle_points_{side}"], DATA[f"caruncle_triangles_{side}"]).data.materials.append(wet)
    top = LOOK["top"]
    for part, scale in (("body", top.get("stitches", 1.9)), ("collar", 0.0)):
        cloth = add_mesh(part, DATA[part + "_points"], DATA[part + "_quads"], DATA[part + "_uv"])
        cloth.data.materials.append(knit_material(DATA["knit_tile"], top["colour"], scale, top.get("knit", 0.6) if scale else 0.0))
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
