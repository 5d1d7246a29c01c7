# SPDX-License-Identifier: Apache-2.0
"""Writes a .pt file as torch.save does, with a member's names and shapes and random weights."""

import array
import collections
import io
import json
import math
import pathlib
import pickle
import random
import struct
import sys
import types
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ALIGNMENT = 64  # of every record's contents


def metadata(path):
    """What a .safetensors file says of itself."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))["__metadata__"]


def shapes(member):
    """{tensor: shape}, from the golden values' file."""
    golden = ROOT / "tests" / "data" / "golden" / f"{member}.safetensors"
    lines = metadata(golden)["weights"].splitlines()
    return {name: tuple(map(int, sizes)) for name, _, _, *sizes in map(str.split, lines)}


class Storage:
    def __init__(self, key, count):
        self.key, self.count = key, count


class Tensor:
    def __init__(self, key, shape):
        self.key, self.shape = key, shape

    def __reduce__(self):
        strides = [math.prod(self.shape[i + 1:]) for i in range(len(self.shape))]
        return (sys.modules["torch._utils"]._rebuild_tensor_v2,
                (Storage(self.key, math.prod(self.shape)), 0, self.shape, tuple(strides), False,
                 collections.OrderedDict()))


def stand_ins():
    """The names that torch.save writes into a pickle."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2():
        pass

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    sys.modules.update({"torch": torch, "torch._utils": utils})


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            storage = sys.modules["torch"].FloatStorage
            return "storage", storage, value.key, "cpu", value.count
        return None


def write_record(archive, name, content):
    info = zipfile.ZipInfo(name)
    start = archive.fp.tell() + 30 + len(name) + 4
    info.extra = b"FB" + struct.pack("<H", -start % ALIGNMENT) + bytes(-start % ALIGNMENT)
    archive.writestr(info, content)


def write(member, path):
    stand_ins()
    tensors = shapes(member)
    pickled = io.BytesIO()
    Pickler(pickled, protocol=2).dump(
        {"model": {name: Tensor(str(i), shape)
                   for i, (name, shape) in enumerate(tensors.items())}})
    chance = random.Random(1)
    block = array.array("f", (chance.uniform(0.001, 0.05) for _ in range(1 << 16))).tobytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        write_record(archive, "archive/data.pkl", pickled.getvalue())
        for i, shape in enumerate(tensors.values()):
            size = 4 * math.prod(shape)
            write_record(archive, f"archive/data/{i}",
                         (block * (size // len(block) + 1))[:size])
        write_record(archive, "archive/version", b"3\n")
