"""The face-basis file: named arrays and a few constants in one deflated, checksummed file.

Layout, little-endian: "VVFB", u32 version, u32 header length, SHA-256 of all that follows (32 bytes), the header (JSON),
then one zlib stream of the arrays, each padded to 4 bytes. The header lists, per array: dtype, shape, byte offset in
the inflated stream and, for quantised arrays, `scale` (one per first-axis entry): value = stored * scale.
"""

import hashlib
import json
import struct
import zlib

import numpy as np

MAGIC = b"VVFB"
VERSION = 1


def quantised(values, dtype):
    """(stored, scale per first-axis entry); an all-zero entry gets scale 0."""
    limit = np.iinfo(dtype).max
    scale = np.abs(values).reshape(len(values), -1).max(1) / limit
    divisor = np.where(scale > 0, scale, 1).reshape(-1, *[1] * (values.ndim - 1))
    return np.rint(values / divisor).astype(dtype), scale


def write_container(path, arrays, constants):
    """arrays: {name: ndarray or (stored, scale)}. Returns the file's SHA-256."""
    listing, payload = {}, bytearray()
    for name, value in arrays.items():
        stored, scale = value if isinstance(value, tuple) else (value, None)
        stored = np.ascontiguousarray(stored)
        stored = stored.astype(stored.dtype.newbyteorder("<"))
        listing[name] = {"dtype": stored.dtype.name, "shape": list(stored.shape), "offset": len(payload)}
        if scale is not None:
            listing[name]["scale"] = [float(f"{s:.8g}") for s in scale]
        payload += stored.tobytes()
        payload += bytes(-len(payload) % 4)
    header = {"payloadBytes": len(payload), "arrays": listing, **constants}
    header = json.dumps(header, separators=(",", ":")).encode()
    body = header + zlib.compress(bytes(payload), 9)
    data = MAGIC + struct.pack("<II", VERSION, len(header)) + hashlib.sha256(body).digest() + body
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest(), len(data)


def read_container(path):
    """(arrays as float64 where quantised, constants); for the contact sheet."""
    data = path.read_bytes()
    version, length = struct.unpack("<II", data[4:12])
    if data[:4] != MAGIC or version != VERSION or hashlib.sha256(data[44:]).digest() != data[12:44]:
        raise ValueError(f"{path} is not an intact face-basis file of version {VERSION}")
    header = json.loads(data[44 : 44 + length])
    payload = zlib.decompress(data[44 + length :])
    arrays = {}
    for name, entry in header.pop("arrays").items():
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        stored = np.frombuffer(payload, dtype, int(np.prod(entry["shape"])), entry["offset"]).reshape(entry["shape"])
        if "scale" in entry:
            stored = stored * np.array(entry["scale"]).reshape(-1, *[1] * (stored.ndim - 1))
        arrays[name] = stored
    return arrays, header
