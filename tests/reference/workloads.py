"""The workloads W1 to W4 in plain numpy, in double: `iclab bench W --example` must give the same loss, and gradients
that are its slopes.

    /usr/bin/python3 tests/reference/workloads.py build/release/bin/iclab

The loss is written from docs/performance.md, not from the engine. Each weight's gradient is held against the central
difference of that loss along a random direction.
"""
import math
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    raise SystemExit("needs numpy: apt-get install python3-numpy")

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))
import example  # noqa: E402
from example import scaled_as  # noqa: E402

EPSILON = np.finfo(np.float32).eps
# ICLab computes in float32. Roundings of a loss that is a mean over prompts are independent, those of one prompt pass
# through some 4 layers of sums of n <= 512 terms, each off by sqrt(n) epsilon at most in the mean.
LOSS_TOLERANCE = 4 * math.sqrt(512) * EPSILON
SLOPE_TOLERANCE = LOSS_TOLERANCE  # of |gradient| |direction|
SHIFT = 1e-6                      # of the central difference


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def layer_norm(x, gain, bias):
    deviation = x - x.mean(-1, keepdims=True)
    return deviation / np.sqrt((deviation ** 2).mean(-1, keepdims=True) + 1e-5) * gain + bias


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def w1(w, p, _):
    overlaps = np.einsum("bnd,bd->bn", p["items"], p["query"])
    copied = (softmax(w["beta"] * overlaps) * p["labels"]).sum(-1)
    first = np.maximum(p["query"] @ w["mlp.W_1"] + w["mlp.b_1"], 0)
    second = np.maximum(first @ w["mlp.W_2"] + w["mlp.b_2"], 0)
    f = (second @ w["mlp.W_3"] + w["mlp.b_3"])[:, 0] + w["w"] * copied
    return np.log1p(np.exp(-p["target"] * f)).mean()


def w2(w, p, _):
    n = p["y"].shape[1]
    query = np.concatenate([p["x_query"], np.zeros((len(p["y"]), 1))], 1)
    z = np.concatenate([np.concatenate([p["x"], p["y"][..., None]], 2), query[:, None]], 1)  # (B, n+1, d+1)
    pattern = np.einsum("bic,cd,bjd->bij", z, w["W_KQ"], z) / n  # of token j on token i
    out = z + np.einsum("ec,bic,bij->bje", w["W_PV"], z, pattern)
    return ((out[:, -1, -1] - p["target"]) ** 2).mean()


def w3(w, p, drawn):
    w_q, w_k, w_v, w_o = (w["blocks.0.attn.W_" + letter][0] for letter in "QKVO")
    keys, values = p["tokens"] @ w_k, p["tokens"] @ w_v
    pattern = softmax(np.einsum("btk,bk->bt", keys, p["query"] @ w_q) / math.sqrt(w_q.shape[1]))
    hidden = np.maximum(np.einsum("bt,btv->bv", pattern, values) @ w_o, 0)
    return np.maximum(1 - p["target"] * (hidden @ drawn["read_out"]), 0).mean()


def w4(w, p, _):
    x = p["tokens"] @ w["embed.W_E"] + w["embed.b_E"] + w["pos_embed.W_pos"]
    future = np.triu(np.full((x.shape[1], x.shape[1]), -np.inf), 1)
    for layer in range(4):
        of = lambda name: w[f"blocks.{layer}.{name}"]  # noqa: E731
        a = layer_norm(x, of("ln1.w"), of("ln1.b"))
        for head in range(4):
            q, k, v = (a @ of("attn.W_" + letter)[head] + of("attn.b_" + letter)[head] for letter in "QKV")
            pattern = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + future)
            x = x + pattern @ v @ of("attn.W_O")[head]
        x = x + of("attn.b_O")
        hidden = gelu(layer_norm(x, of("ln2.w"), of("ln2.b")) @ of("mlp.W_in") + of("mlp.b_in"))
        x = x + hidden @ of("mlp.W_out") + of("mlp.b_out")
    f = layer_norm(x, w["ln_final.w"], w["ln_final.b"]) @ w["unembed.W_U"] + w["unembed.b_U"]
    return ((f[..., 0] - p["targets"]) ** 2).mean()


LOSSES = {"W1": w1, "W2": w2, "W2-b8": w2, "W3": w3, "W3-b8": w3, "W4": w4}
FULL_SLOPES = 8  # W4's 50 weights are many evaluations: so many of them, evenly spread


def check(name, tensors):
    """Lines that say what differs."""
    kinds = [{key: value.astype(np.float64) for key, value in example.part(tensors, kind).items()}
             for kind in ("weight", "prompt", "drawn")]
    weights, prompt, drawn = kinds
    wrong = []
    loss, theirs = LOSSES[name](weights, prompt, drawn), float(tensors["loss"])
    if not abs(theirs - loss) <= LOSS_TOLERANCE * abs(loss):
        wrong.append(f"{name}: loss {theirs!r}, expected {loss!r}")
    numbers = np.random.default_rng(0)
    for weight in list(weights)[::max(1, len(weights) // FULL_SLOPES)]:
        value, gradient = weights[weight], tensors["gradient." + weight].astype(np.float64)
        # Along the gradient, where the slope is largest, and half as far in a random direction.
        random = numbers.standard_normal(value.shape)
        direction = gradient / np.linalg.norm(gradient) + random / np.linalg.norm(random) / 2
        at = [LOSSES[name]({**weights, weight: value + sign * SHIFT * direction}, prompt, drawn)
              for sign in (1, -1)]
        slope, given = (at[0] - at[1]) / (2 * SHIFT), float((gradient * direction).sum())
        if not abs(given - slope) <= SLOPE_TOLERANCE * np.linalg.norm(tensors["gradient." + scaled_as(weight)]):
            wrong.append(f"{name}: the slope of {weight} is {given!r}, expected {slope!r}")
    return wrong


def main():
    binary, wrong = sys.argv[1], []
    with tempfile.TemporaryDirectory() as folder:
        for name in LOSSES:
            file = pathlib.Path(folder) / "batch.safetensors"
            subprocess.run([binary, "bench", name, "--example", file], check=True, stdout=subprocess.DEVNULL)
            wrong += check(name, example.read(file))
    print("\n".join(wrong) or f"{len(LOSSES)} workloads agree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
