"""Writes tests/golden/transformer.json: transformer blocks and whole models by PyTorch, in float64.

    python3 tests/reference/transformer.py tests/golden/transformer.json [--check]

Needs torch (written with 1.13) and numpy; results are kept to 14 digits. --check compares every gradient with
finite differences.

The file: {"about", "numbers": {seed, values}, "cases": [{name, kind, config, batch, weights, inputs,
loss_name, loss, output, gradients}]}.
weights    [{name, shape, seed, scale, offset}]: element i, row-major, is
           offset + scale * some_numbers(seed)[i], some_numbers as in tests/evaluate.h; "numbers" holds its
           first values for one seed.
inputs     the same, shapes with the batch in front (but for "signs"); integers are {name, shape, integers}.
output     {shape, values}, or a summary where there are more than 2000 numbers.
gradients  {weight: {shape, values}}, or a summary where there are more than 60 numbers. Those of b_K under
           softmax without rotary positions are 0 but for rounding.
summary    {shape, sum, norm, dots, samples}: the inner products with some_numbers(1001), (1002), (1003) and
           24 pairs [index, value].
loss_name  mse | logistic | hinge | cross-entropy: of the last position of the output, against the input
           "target"; with "-positions" of all positions. Always the mean over all that is compared, prompts
           too. Labels of logistic and hinge are -1 or 1, of cross-entropy classes.

Kinds, with x (T, D) a prompt's tokens. Blocks alone see x + shift, shift (T, D) a weight: its gradient is
that of the block's input, summed over prompts.
function   f(x + shift), some f along the last axis
loss       x + shift, for the sake of the loss
attention, mlp, norm, block   the options and weights of src/nn/; prefixes blocks.0.attn, blocks.0.mlp,
           blocks.0.ln1, blocks.0; scale null is 1/sqrt(key_width)
one-layer  relu(attention(x)) . signs / hidden, for the last token, which is no key; (batch)
gpt        the settings of the model "transformer", and prompt "raw": x (T, token_width) is read in;
           "regression": x (n, d), y (n), x_query (d) are interleaved, the output stands at the x; "tokens":
           integers. A single output has no axis: (batch, positions).
"""

import functools
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

BATCH = 3
ALL_OF_OUTPUT, ALL_OF_GRADIENT, SAMPLES = 2000, 60, 24
DOT_SEEDS = (1001, 1002, 1003)


# ---- numbers both sides make ---------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def some_numbers(count, seed):
    """tests/evaluate.h: uniform in (-1, 1)."""
    state, numbers = (seed * 2654435761 + 99) % 2**64, np.empty(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers[i] = (state >> 11) * 2.0**-52 - 1
    return numbers


class Tensors:
    """Tensors by name, made when first asked for."""

    def __init__(self, first_seed, trained):
        self.seed, self.trained, self.values, self.listed = first_seed, trained, {}, []

    def __call__(self, name, shape, scale=1.0, offset=0.0):
        if name not in self.values:
            scale = round(scale, 3)
            numbers = offset + scale * some_numbers(math.prod(shape), self.seed)
            self.values[name] = torch.from_numpy(numbers).reshape(shape).requires_grad_(self.trained)
            self.listed.append({"name": name, "shape": list(shape), "seed": self.seed, "scale": scale,
                                "offset": offset})
            self.seed += 1
        return self.values[name]

    def integers(self, name, values):
        if name not in self.values:
            self.values[name] = values
            self.listed.append({"name": name, "shape": list(values.shape),
                                "integers": values.flatten().tolist()})
        return self.values[name]

    def matrix(self, name, shape, fan_in):
        """Keeps the size of what it multiplies."""
        return self(name, shape, math.sqrt(3 / fan_in))


def some_integers(shape, seed, count):
    """0 .. count - 1; stored, so any will do."""
    u = torch.from_numpy((some_numbers(math.prod(shape), seed) + 1) / 2)
    return (u * count).floor().long().reshape(shape)


# ---- blocks: x (batch, T, D), w the weights ------------------------------------------------------------

FUNCTIONS = {
    "softmax": lambda x: F.softmax(x, -1), "log-softmax": lambda x: F.log_softmax(x, -1),
    "log-sum-exp": lambda x: torch.logsumexp(x, -1), "sigmoid": torch.sigmoid,
    "softplus": lambda x: F.softplus(x, threshold=40),  # from the threshold on x itself
    "relu": F.relu, "gelu": F.gelu, "gelu-tanh": lambda x: F.gelu(x, approximate="tanh")}


def linear(w, at, letter, x, width, biases):
    y = x @ w.matrix(f"{at}.W_{letter}", (x.shape[-1], width), x.shape[-1])
    return y + w(f"{at}.b_{letter}", (width,), 0.5) if biases else y


def norm(w, at, x, kind):
    if kind == "none":
        return x
    D = x.shape[-1:]
    weight = w(f"{at}.w", D, 0.4, 1.0)
    if kind == "rms":
        return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-5) * weight
    return F.layer_norm(x, D, weight, w(f"{at}.b", D, 0.4), eps=1e-5)


def mlp(w, at, x, o):
    post = FUNCTIONS[o["activation"]](linear(w, at, "in", x, o["width"], o["biases"]))
    return linear(w, at, "out", post, o["output_width"], o["biases"])


def turned(x, first):
    """Rotary positions: each pair (2i, 2i+1) of x (batch, H, T, k) is a complex number."""
    T, k = x.shape[-2:]
    rates = 10000.0 ** (-torch.arange(0, k, 2) / k)
    angles = torch.outer(first + torch.arange(T).double(), rates)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], k // 2, 2).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


def attention(w, at, x, o):
    T, D = x.shape[1:]
    H = o["heads"]
    asking = x[:, -1:] if o["query_only"] else x
    seen = x if o["query_is_key"] else x[:, :-1]
    queries, keys = asking.shape[1], seen.shape[1]

    def heads(letter, x, width, biases):
        y = torch.einsum("btd,hdk->bhtk", x, w.matrix(f"{at}.W_{letter}", (H, D, width), D))
        return y + w(f"{at}.b_{letter}", (H, width), 0.5)[:, None] if biases else y

    if o["folded_query_key"]:
        q, k = heads("QK", asking, D, False), seen[:, None]
    else:
        q, k = (heads(letter, y, o["key_width"], o["biases"]) for letter, y in (("Q", asking), ("K", seen)))
    if o["positions"] == "rotary":
        q, k = turned(q, T - queries), turned(k, 0)
    scores = q @ k.transpose(-1, -2) * (o["scale"] or 1 / math.sqrt(o["key_width"]))

    hidden = torch.arange(keys) > torch.arange(T - queries, T)[:, None] if o["causal"] \
        else torch.zeros(queries, keys, dtype=torch.bool)
    pattern = F.softmax(scores.masked_fill(hidden, -math.inf), -1) if o["kind"] == "softmax" \
        else scores.masked_fill(hidden, 0) / keys
    if o["folded_value_output"]:
        out = (pattern @ heads("VO", seen, o["output_width"], False)).sum(1)
    else:
        v, width = heads("V", seen, o["value_width"], o["biases"]), o["output_width"]
        W_O = w.matrix(f"{at}.W_O", (H, o["value_width"], width), H * o["value_width"])
        out = torch.einsum("bhtv,hvd->btd", pattern @ v, W_O)
    return out + w(f"{at}.b_O", (o["output_width"],), 0.5) if o["biases"] else out


def block(w, at, x, o):
    def around(ln, x, layer):
        if o["norm_position"] == "pre":
            y = layer(norm(w, f"{at}.{ln}", x, o["norm"]))
            return x[:, -y.shape[1]:] + y
        y = layer(x)
        return norm(w, f"{at}.{ln}", x[:, -y.shape[1]:] + y, o["norm"])

    x = around("ln1", x, lambda x: attention(w, f"{at}.attn", x, o["attention"]))
    return around("ln2", x, lambda x: mlp(w, f"{at}.mlp", x, o["mlp"])) if o["mlp"] else x


# ---- whole models --------------------------------------------------------------------------------------


def one_layer(w, given, o):
    hidden = o["attention"]["output_width"]
    post = F.relu(attention(w, "blocks.0.attn", given("x", (BATCH, o["tokens"], o["token_width"]), 1.5),
                            o["attention"]))
    signs = given.integers("signs", 1 - 2 * some_integers((hidden,), 77, 2))
    return (post @ signs.double() / hidden)[:, 0]


def embedded(w, given, o):
    T, d, D = o["tokens"], o["token_width"], o["width"]
    if o["prompt"] == "tokens":
        sequence = some_integers((BATCH, T + 1), 88, o["vocabulary"])
        given.integers("target", sequence[:, 1:])
        return w("embed.W_E", (o["vocabulary"], D), 1.5)[given.integers("tokens", sequence[:, :-1])]
    if o["prompt"] == "raw":
        tokens = given("x", (BATCH, T, d), 1.5)
    else:
        n = (T - 1) // 2
        tokens = torch.zeros(BATCH, T, d)
        tokens[:, 0:-1:2] = given("x", (BATCH, n, d), 1.5)
        tokens[:, 1::2, 0] = given("y", (BATCH, n), 1.5)
        tokens[:, -1] = given("x_query", (BATCH, d), 1.5)
    return linear(w, "embed", "E", tokens, D, o["biases"])


def gpt(w, given, o):
    D, H = o["width"], o["heads"]
    rotary = o["positions"] == "rotary"
    options = {
        "norm": o["norm"], "norm_position": o["norm_position"],
        "attention": attention_options(D, heads=H, key_width=D // H, value_width=D // H, biases=o["biases"],
                                       causal=o["causal"], positions="rotary" if rotary else "none"),
        "mlp": o["mlp"] and mlp_options(D, width=o["mlp"], activation=o["activation"], biases=o["biases"])}
    x = embedded(w, given, o)
    if o["positions"] == "learned":
        x = x + w("pos_embed.W_pos", x.shape[1:], 0.8)
    for layer in range(o["layers"]):
        x = block(w, f"blocks.{layer}", x, options)
    if o["norm_position"] == "pre":
        x = norm(w, "ln_final", x, o["norm"])
    out = linear(w, "unembed", "U", x, o["outputs"], o["biases"])
    out = out[..., 0] if o["outputs"] == 1 else out
    return out[:, ::2] if o["prompt"] == "regression" else out


# ---- cases ---------------------------------------------------------------------------------------------


def loss_of(name, f, given):
    f = f if name.endswith("-positions") or f.dim() == 1 else f[:, -1]
    name = name.replace("-positions", "")
    if name == "mse":
        return F.mse_loss(f, given("target", f.shape, 1.5))
    if name == "cross-entropy":
        target = given.integers("target", some_integers(f.shape[:-1], 66, f.shape[-1]))
        return F.cross_entropy(f.flatten(0, -2), target.flatten())
    margin = given.integers("target", 1 - 2 * some_integers(f.shape, 54, 2)) * f
    return (FUNCTIONS["softplus"](-margin) if name == "logistic" else F.relu(1 - margin)).mean()


def rounded(x):
    """To 14 digits: far below what is compared, and a smaller file."""
    return float(f"{x:.14g}")


def stored(x, most):
    shape, x = list(x.shape), x.detach().numpy().flatten()
    if len(x) <= most:
        return {"shape": shape, "values": [rounded(v) for v in x]}
    at = [k * (len(x) - 1) // (SAMPLES - 1) for k in range(SAMPLES)]
    return {"shape": shape, "sum": rounded(math.fsum(x)), "norm": rounded(np.linalg.norm(x)),
            "dots": [rounded(math.fsum(x * some_numbers(len(x), seed))) for seed in DOT_SEEDS],
            "samples": [[i, rounded(x[i])] for i in at]}


def check(name, w, gradients, loss):
    """Each gradient along a direction against central differences."""
    step = 1e-5
    for (weight, x), gradient in zip(w.values.items(), gradients):
        direction = torch.from_numpy(some_numbers(x.numel(), 5)).reshape(x.shape) / math.sqrt(x.numel())
        with torch.no_grad():
            w.values[weight] = x + step * direction
            up = loss()
            w.values[weight] = x - step * direction
            difference = float(up - loss()) / (2 * step)
        w.values[weight] = x
        expected = float((gradient * direction).sum())
        assert abs(difference - expected) < 1e-7 * (1 + abs(expected)), (name, weight, difference, expected)


def case(name, kind, config, loss_name, model):
    w, given = Tensors(1, True), Tensors(501, False)

    def loss():
        return loss_of(loss_name, model(w, given), given)

    output, value = model(w, given), loss()
    gradients = torch.autograd.grad(value, list(w.values.values()))
    if "--check" in sys.argv:
        check(name, w, gradients, loss)
    return {"name": name, "kind": kind, "config": config, "batch": BATCH, "weights": w.listed,
            "inputs": given.listed, "loss_name": loss_name, "loss": rounded(value.item()),
            "output": stored(output, ALL_OF_OUTPUT),
            "gradients": {weight: stored(g, ALL_OF_GRADIENT) for weight, g in zip(w.values, gradients)}}


def alone(kind, name, shape, config, loss_name, f, x_scale=1.5, x_offset=0.0, shift_scale=0.5):
    """f(w, x + shift) for x of the shape."""
    def model(w, given):
        return f(w, given("x", (BATCH, *shape), x_scale, x_offset) + w("shift", shape, shift_scale))

    return case(name, kind, config, loss_name, model)


def function_case(name, scale):
    return alone("function", name, (3, 5), {"function": name}, "mse-positions",
                 lambda w, x: FUNCTIONS[name](x), scale)


def loss_case(name, shape, scale):
    return alone("loss", name, shape, {}, name, lambda w, x: x, scale)


def norm_case(name, kind, **x):
    return alone("norm", name, (4, 6), {"norm": kind}, "mse-positions",
                 lambda w, x: norm(w, "blocks.0.ln1", x, kind), **x)


def mlp_options(D, **given):
    return {"width": 8, "output_width": D, "activation": "gelu", "biases": True, **given}


def mlp_case(name, **given):
    o = mlp_options(5, **given)
    return alone("mlp", name, (4, 5), o, "mse-positions", lambda w, x: mlp(w, "blocks.0.mlp", x, o))


def attention_options(D, **given):
    return {"kind": "softmax", "heads": 1, "key_width": 4, "value_width": 3, "output_width": D,
            "biases": True, "scale": None, "causal": False, "query_only": False, "query_is_key": True,
            "positions": "none", "folded_query_key": False, "folded_value_output": False, **given}


def attention_case(name, **given):
    o = attention_options(5, **given)
    return alone("attention", name, (4, 5), o, "mse-positions",
                 lambda w, x: attention(w, "blocks.0.attn", x, o))


def block_case(name, norm_kind, norm_position, attention_given, mlp_given):
    D = 6
    o = {"norm": norm_kind, "norm_position": norm_position,
         "attention": attention_options(D, **{"heads": 2, "key_width": 3, **attention_given}),
         "mlp": None if mlp_given is None else mlp_options(D, **mlp_given)}
    return alone("block", name, (4, D), o, "mse-positions", lambda w, x: block(w, "blocks.0", x, o))


def one_layer_case(name, loss_name):
    """W3 of the benchmarks, small."""
    d, hidden = 6, 10
    o = {"tokens": 6, "token_width": d,
         "attention": attention_options(d, key_width=d, value_width=d, output_width=hidden, biases=False,
                                        scale=1.0, query_only=True, query_is_key=False)}
    return case(name, "one-layer", o, loss_name, lambda w, given: one_layer(w, given, o))


def gpt_case(name, loss_name, **given):
    o = {"prompt": "regression", "tokens": 9, "token_width": 3, "layers": 2, "heads": 2, "width": 8,
         "mlp": 12, "activation": "gelu", "norm": "layer", "norm_position": "pre", "causal": True,
         "positions": "learned", "biases": True, "vocabulary": 0, "outputs": 1, **given}
    return case(name, "gpt", o, loss_name, lambda w, given: gpt(w, given, o))


def cases():
    functions = [function_case(name, scale) for name, scale in (
        ("softmax", 20), ("log-softmax", 20), ("log-sum-exp", 20), ("sigmoid", 45), ("softplus", 45),
        ("relu", 2), ("gelu", 7), ("gelu-tanh", 7))]
    losses = [loss_case("mse", (4,), 2), loss_case("mse-positions", (4,), 2),
              loss_case("logistic-positions", (12,), 45), loss_case("logistic", (5,), 2),
              loss_case("hinge-positions", (12,), 3), loss_case("hinge", (5,), 3),
              loss_case("cross-entropy-positions", (4, 5), 20), loss_case("cross-entropy", (4, 5), 2)]
    norms = [norm_case("layer norm", "layer"), norm_case("layer norm, far from 0", "layer", x_offset=5.0),
             norm_case("layer norm, variance like epsilon", "layer", x_scale=0.005, shift_scale=0.002),
             norm_case("rms norm", "rms"),
             norm_case("rms norm, mean square like epsilon", "rms", x_scale=0.005, shift_scale=0.002)]
    mlps = [mlp_case(f"mlp {function}", activation=function) for function in ("relu", "gelu", "gelu-tanh")]
    mlps.append(mlp_case("mlp without biases, narrower", biases=False, output_width=3))
    attentions = [
        attention_case(f"{kind} attention, heads {heads}" + ", causal" * causal + ", biases" * biases,
                       kind=kind, heads=heads, causal=causal, biases=biases)
        for kind in ("softmax", "linear") for heads in (1, 3) for causal in (False, True)
        for biases in (False, True)]
    attentions += [
        attention_case("softmax attention, scale", heads=3, scale=0.3),
        attention_case("linear attention, scale", kind="linear", scale=1.7),
        attention_case("softmax attention, rotary", heads=3, causal=True, positions="rotary"),
        attention_case("linear attention, rotary", kind="linear", positions="rotary"),
        attention_case("softmax attention, query only", heads=3, query_only=True),
        attention_case("linear attention, query only", kind="linear", query_only=True, biases=False),
        attention_case("softmax attention, query only, causal, rotary", heads=3, query_only=True, causal=True,
                       positions="rotary"),
        attention_case("softmax attention, query only and no key", query_only=True, query_is_key=False,
                       output_width=7),
        attention_case("linear attention, query no key", kind="linear", heads=3, query_is_key=False),
        attention_case("softmax attention, folded", heads=3, causal=True, scale=0.4, folded_query_key=True,
                       folded_value_output=True),
        attention_case("linear attention, folded", kind="linear", biases=False, scale=1.0, query_only=True,
                       folded_query_key=True, folded_value_output=True)]
    blocks = [
        block_case("pre-norm block", "layer", "pre", {"causal": True}, {}),
        block_case("post-norm block", "layer", "post", {"causal": True}, {"activation": "relu"}),
        block_case("pre-norm block, rms, rotary", "rms", "pre", {"biases": False, "positions": "rotary",
                                                                 "key_width": 4},
                   {"activation": "gelu-tanh", "biases": False}),
        block_case("post-norm block, query only", "rms", "post", {"query_only": True}, {}),
        block_case("pre-norm block, query only", "layer", "pre", {"query_only": True, "causal": True}, {}),
        block_case("block without perceptron or norms", "none", "pre", {"kind": "linear"}, None)]
    models = [
        one_layer_case("one layer, hinge", "hinge"),
        one_layer_case("one layer, logistic", "logistic"),
        gpt_case("gpt, last position", "mse"),
        gpt_case("gpt, rms, rotary, relu", "mse-positions", norm="rms", positions="rotary",
                 activation="relu"),
        gpt_case("gpt, post-norm, no biases, gelu-tanh", "mse-positions", norm_position="post", biases=False,
                 activation="gelu-tanh"),
        gpt_case("gpt, attention only, not causal", "mse", norm="none", positions="none", mlp=0, causal=False,
                 heads=1),
        gpt_case("gpt, next token", "cross-entropy-positions", prompt="tokens", tokens=6, token_width=0,
                 vocabulary=7, outputs=7),
        gpt_case("gpt 2x32", "mse-positions", prompt="raw", tokens=12, token_width=6, width=32, mlp=128),
        gpt_case("gpt 2x32, regression", "mse-positions", tokens=13, token_width=5, width=32, mlp=128),
        gpt_case("gpt 4x64", "mse-positions", prompt="raw", tokens=41, token_width=20, layers=4, heads=4,
                 width=64, mlp=256)]
    return functions + losses + norms + mlps + attentions + blocks + models


def main():
    golden = {"about": "float64 by tests/reference/transformer.py, which explains the layout",
              "numbers": {"seed": 7, "values": some_numbers(4, 7).tolist()}, "cases": cases()}
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
