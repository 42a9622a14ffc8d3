"""Reads float32 safetensors without a library, one tensor at a time."""

import json
import struct

import torch


def read_safetensors(file):
    """Yields (name, tensor)."""
    with open(file, "rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}"
            begin, end = entry["data_offsets"]
            values = torch.empty(entry["shape"])
            stream.seek(8 + length + begin)
            stream.readinto(values.view(-1).numpy().view("uint8"))
            yield name, values
