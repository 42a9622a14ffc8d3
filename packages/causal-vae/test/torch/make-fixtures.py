"""Writes the checkpoints beside this file. Run once with PyTorch 2.13: python make-fixtures.py

Values are formulas, so that a test can compute them: see `numbers`.
"""

import argparse
import collections
import json
import os
import zipfile

import torch

here = os.path.dirname(os.path.abspath(__file__))


def at(name):
    return os.path.join(here, name)


def numbers(*shape, dtype=torch.float32):
    """Element i is ((37 i) mod 101 - 50) / 256: exact in float16 and bfloat16."""
    count = 1
    for size in shape:
        count *= size
    values = [((37 * i) % 101 - 50) / 256 for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape).to(dtype)


class Evil:
    """What an attacker saves: loading it in Python runs a command."""

    def __reduce__(self):
        return (os.system, ("touch executed-by-a-pickle",))


def main():
    # Every element type, and every way to view a storage.
    base = numbers(4, 6)
    views = collections.OrderedDict(
        float32=numbers(2, 3),
        float16=numbers(2, 3, dtype=torch.float16),
        bfloat16=numbers(2, 3, dtype=torch.bfloat16),
        float64=numbers(2, 3, dtype=torch.float64),
        int64=torch.arange(-2, 4),
        int32=torch.arange(-2, 4, dtype=torch.int32),
        int16=torch.arange(-2, 4, dtype=torch.int16),
        int8=torch.arange(-2, 4, dtype=torch.int8),
        uint8=torch.arange(250, 256, dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(0.5),
        empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(numbers(3)),
        whole=base,
        transposed=base.t(),
        window=base[1:3, 2:5],
        every_second=base[::2, ::3],
        expanded=numbers(3).reshape(3, 1).expand(3, 4),
    )
    torch.save(views, at("views.pt"))
    torch.save(dict(views), at("views-protocol4.pt"), pickle_protocol=4)
    torch.save(views, at("views-legacy.pt"), _use_new_zipfile_serialization=False)

    # A small VAE as Lightning saves it, with its loss, an optimizer and options.
    with open(at("small-vae.json")) as file:
        shapes = json.load(file)
    weights = collections.OrderedDict((name, numbers(*shape, dtype=torch.float16)) for name, shape in shapes.items())
    training = {
        "epoch": 3,
        "global_step": 2**40 + 1,
        "seed": 2**63 + 12345,
        "pytorch-lightning_version": "2.2.1",
        "state_dict": collections.OrderedDict(weights, **{"loss.logvar": torch.zeros(())}),
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0), "exp_avg": numbers(2)}}, "param_groups": [{"lr": 1e-5, "betas": (0.5, 0.9), "foreach": None}]}],
        "hyper_parameters": argparse.Namespace(lr=1e-5, attn=[], offset=-7),
    }
    torch.save(training, at("small-vae.ckpt"))
    torch.save(training, at("small-vae-legacy.ckpt"), _use_new_zipfile_serialization=False)

    averaged = {"module." + name: tensor for name, tensor in {"a": numbers(2), "loss.b": numbers(1)}.items()}
    raw = {"gen_model": {"a": numbers(2) * 2}, "dics_model": {"c": numbers(1)}}
    torch.save({"state_dict": raw, "ema_state_dict": averaged}, at("averaged.ckpt"))

    torch.save({"a": numbers(2)}, at("legacy.pt"), _use_new_zipfile_serialization=False)

    # What must be refused.
    torch.save({"state_dict": {"a": numbers(2), "b": Evil()}}, at("evil.pt"))
    torch.save({"a": torch.tensor([1.0, float("nan")])}, at("nan.pt"))
    torch.save([1, 2], at("list.pt"))
    torch.save({"a": numbers(2), "b": Evil()}, at("evil-legacy.pt"), _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(at("compressed.pt"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("compressed/data.pkl", b"]" * 1_000_000)


main()
