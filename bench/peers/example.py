"""A batch that ICLab wrote (`iclab bench W1 --example FILE`), and how another's loss and gradients compare with it."""
import json
import struct

import numpy

TOLERANCE = 1e-5  # of the loss, and of each weight's gradient relative to its largest magnitude


def read(file):
    """The tensors of a safetensors file by name, as float arrays."""
    with open(file, "rb") as stream:
        data = stream.read()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + at for at in entry["data_offsets"])
        kind = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
        tensors[name] = numpy.frombuffer(data[begin:end], kind).reshape(entry["shape"])
    return tensors


def part(tensors, kind):
    """The tensors called `kind`.NAME, by NAME."""
    return {name[len(kind) + 1:]: value for name, value in tensors.items() if name.startswith(kind + ".")}


def scaled_as(weight):
    """The weight whose gradient's size a difference is relative to: its own, but a key bias moves all scores of a
    query by the same number, which softmax ignores, so that its gradient is 0 but for rounding."""
    return weight.replace(".b_K", ".W_K")


def differences(tensors, loss, gradients):
    """How far a loss and gradients, by the weights' names, lie from the batch's: name -> relative difference."""
    far = {"loss": abs(float(loss) / float(tensors["loss"]) - 1)}
    wanted = part(tensors, "gradient")
    if wanted.keys() != gradients.keys():
        raise SystemExit(f"found gradients of {sorted(gradients)}, expected {sorted(wanted)}")
    for name, want in wanted.items():
        got = numpy.asarray(gradients[name]).reshape(want.shape)
        far[name] = float(numpy.max(numpy.abs(got - want)) / numpy.max(numpy.abs(wanted[scaled_as(name)])))
    return far
