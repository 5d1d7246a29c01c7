#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the .pt files beside this script with torch.save (made with torch 2.11).

All but the last three hold the same tensors; tests/core/checkpoint_torch_test.cc
knows their values.
"""
import collections
import pathlib
import os

import torch

HERE = pathlib.Path(__file__).parent


def tensors():
    whole = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return {
        "float": torch.tensor([[0.5, -1.0], [2.0, 1e-3]]),
        "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
        "bfloat": torch.tensor([3.0], dtype=torch.bfloat16),
        "double": torch.tensor(0.25, dtype=torch.float64),
        "long": torch.tensor([2**40, -1]),
        "int": torch.tensor([7], dtype=torch.int32),
        "byte": torch.tensor([255, 0], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "empty": torch.empty(0, 4),
        "transposed": whole.t(),
        "part": whole[1:, 2:],
    }


def with_metadata():
    state = collections.OrderedDict(tensors())
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return state


class Code:
    def __reduce__(self):
        return os.system, ("touch pickle-was-executed",)


def main():
    torch.save({"model": tensors()}, HERE / "dict.pt")
    torch.save({"model": collections.OrderedDict(tensors())}, HERE / "ordered.pt")
    torch.save({"model": with_metadata(), "epoch": 3, "loss": 0.5}, HERE / "metadata.pt")
    torch.save(tensors(), HERE / "bare_dict.pt")
    torch.save(with_metadata(), HERE / "bare_metadata.pt")
    parameters = {k: torch.nn.Parameter(v, requires_grad=v.is_floating_point())
                  for k, v in tensors().items()}
    torch.save({"model": parameters}, HERE / "parameters.pt")
    small = {"w": torch.ones(2)}
    torch.save(small, HERE / "old_format.pt", _use_new_zipfile_serialization=False)
    torch.save({"model": small, "hook": Code()}, HERE / "code.pt")
    torch.save(small, HERE / "protocol_4.pt", pickle_protocol=4)


if __name__ == "__main__":
    main()
