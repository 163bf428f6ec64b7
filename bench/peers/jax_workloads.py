"""JAX's side of the workloads W1 to W4: model-steps a second, as JSON.

Usage: python jax_workloads.py WORKLOAD[@BATCH] jit|scan|vmap|vmap-scan [--seconds 2] [--replicas 16] [--scan N]
       [--random threefry2x32] [--fast-math] [--agree FILE]
jit: one model, a step a call; scan: N steps a call (lax.scan; by the workload if not given); vmap: --replicas models, a step a call; vmap-scan:
both. W2full and W3 compute every token's keys and values as a user writes them; W2 and W3r the cheap algebra for one
query. A step draws its batch, computes loss and gradients and updates; compilation excluded, buffers donated; median
wall time of a call. Pin the process with taskset: XLA makes as many threads as it may use cores.
--agree: instead, how far loss and gradients lie from those of a batch that ICLab wrote, by every way; as JSON.
"""
import argparse
import functools
import json
import math
import os
import sys
import time

# XLA reads its flags once, as JAX is imported.
FLAGS = ["--xla_cpu_prefer_vector_width=512"]
if len(os.sched_getaffinity(0)) == 1:  # no pool to hand products to
    FLAGS.append("--xla_cpu_multi_thread_eigen=false")
if "--fast-math" in sys.argv:
    FLAGS += ["--xla_cpu_enable_fast_math=true"] + [f"--xla_cpu_fast_math_honor_{what}=false"
                                                    for what in ("nans", "infs", "functions")]
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import example  # noqa: E402

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_threefry_partitionable", False)  # half the hashes: 4.3 instead of 9.9 ns a normal


def normal(key, *shape, fan_in=1.0, gain=1.0):
    return jax.random.normal(key, shape) * (gain / fan_in) ** 0.5


class Workload:
    """`pre` is () for one model, (R,) for R. The loss is batched by vmap, draws and prompts by their shape."""

    scan = 20  # steps a call; longer ones were no faster

    def fixed(self, key, pre):
        """Drawn once a run."""
        return ()

    def prompt(self, fixed, drawn):
        """What the loss sees."""
        return drawn


class W1(Workload):
    """100 context items of 63 numbers and a target, of 4096 items; overlaps and an MLP 63-512-512-1."""
    batch, context, dim, hidden, items, adam = 128, 100, 63, 512, 4096, True
    scan = 10  # 20 steps in one program are 20 times slower a step than 10

    def fixed(self, key, pre):
        labels = jax.random.bernoulli(key, shape=pre + (self.items,)) * 2.0 - 1.0
        return normal(key, *pre, self.items, self.dim, fan_in=self.dim), labels

    def parameters(self, key, pre):
        d, h = self.dim, self.hidden
        a, b, c = jax.random.split(key, 3)
        return {"mlp.W_1": normal(a, *pre, d, h, fan_in=d), "mlp.b_1": jnp.zeros(pre + (h,)),
                "mlp.W_2": normal(b, *pre, h, h, fan_in=h, gain=2), "mlp.b_2": jnp.zeros(pre + (h,)),
                "mlp.W_3": normal(c, *pre, h, 1, fan_in=h), "mlp.b_3": jnp.zeros(pre + (1,)),
                "beta": jnp.ones(pre), "w": jnp.full(pre, 0.1)}

    def draw(self, key, pre):
        a, b = jax.random.split(key)
        index = lambda k, n, bound: (jax.random.uniform(k, pre + (self.batch, n)) * bound).astype(int)  # noqa: E731
        context, place = index(a, self.context, self.items), index(b, 1, self.context)
        return context, jnp.take_along_axis(context, place, -1)[..., 0]

    def prompt(self, fixed, drawn):
        (table, labels), (context, target) = fixed, drawn
        if table.ndim > 2:  # one table of all models, as batched gathers are slower
            first = jnp.arange(len(table))[:, None] * self.items
            context, target = context + first[..., None], target + first
            table, labels = table.reshape(-1, self.dim), labels.reshape(-1)
        return table[context], labels[context], table[target], labels[target]

    def loss(self, p, prompt):
        items, labels, target, y = prompt
        overlaps = jnp.einsum("bnd,bd->bn", items, target)
        copied = (jax.nn.softmax(overlaps * p["beta"], -1) * labels).sum(-1)
        hidden = jax.nn.relu(target @ p["mlp.W_1"] + p["mlp.b_1"])
        hidden = jax.nn.relu(hidden @ p["mlp.W_2"] + p["mlp.b_2"])
        f = (hidden @ p["mlp.W_3"] + p["mlp.b_3"])[:, 0] + p["w"] * copied
        return jax.nn.softplus(-y * f).mean()

    def taken(self, prompt, drawn):
        return prompt["items"], prompt["labels"], prompt["query"], prompt["target"]


class W2(Workload):
    """Linear self-attention of the query on 40 examples in 20 dimensions."""
    batch, context, dim, adam = 256, 40, 20, False

    def parameters(self, key, pre):
        shape = pre + (self.dim + 1, self.dim + 1)
        return {name: jax.random.normal(k, shape) * 0.1
                for name, k in zip(("W_PV", "W_KQ"), jax.random.split(key))}

    def draw(self, key, pre):
        a, b = jax.random.split(key)
        x = jax.random.normal(a, pre + (self.batch, self.context + 1, self.dim))
        return x, jax.random.normal(b, pre + (self.batch, self.dim))

    def prompt(self, fixed, drawn):
        x, w = drawn
        y = jnp.einsum("...nd,...d->...n", x, w)
        return jnp.concatenate([x, y.at[..., -1].set(0)[..., None]], -1), y[..., -1]

    def loss(self, p, prompt):
        tokens, target = prompt
        key_query = tokens[:, -1] @ p["W_KQ"].T
        scores = jnp.einsum("bnd,bd->bn", tokens, key_query) / self.context
        value = jnp.einsum("bn,bnd->bd", scores, tokens)
        return ((value @ p["W_PV"][-1] - target) ** 2).mean()

    def taken(self, prompt, drawn):
        x = jnp.concatenate([prompt["x"], prompt["x_query"][:, None]], 1)
        y = jnp.concatenate([prompt["y"], jnp.zeros((len(x), 1), x.dtype)], 1)
        return jnp.concatenate([x, y[..., None]], -1), prompt["target"]


class W2full(W2):
    def loss(self, p, prompt):
        tokens, target = prompt
        pattern = jnp.einsum("bid,bjd->bij", tokens, tokens @ p["W_KQ"].T) / self.context
        out = tokens + jnp.einsum("bij,bid->bjd", pattern, tokens) @ p["W_PV"].T
        return ((out[:, -1, -1] - target) ** 2).mean()


class W3(Workload):
    """Softmax attention of a query over 20 tokens of width 40, 100 ReLU neurons, a fixed read-out."""
    batch, tokens, dim, hidden, adam = 64, 20, 40, 100, True

    def __init__(self):
        self.read_out = jnp.where(jnp.arange(self.hidden) % 2, 1.0, -1.0) / self.hidden

    def parameters(self, key, pre):
        d = self.dim
        names = ["blocks.0.attn.W_" + letter for letter in "QKVO"]
        return {name: normal(k, *pre, d, width, fan_in=d)
                for name, k, width in zip(names, jax.random.split(key, 4), (d, d, d, self.hidden))}

    def draw(self, key, pre):
        a, b, c = jax.random.split(key, 3)
        return (jax.random.normal(a, pre + (self.batch, self.tokens, self.dim)),
                jax.random.normal(b, pre + (self.batch, self.dim)),
                jax.random.bernoulli(c, shape=pre + (self.batch,)) * 2.0 - 1.0)

    def attended(self, tokens, query, w_q, w_k, w_v):
        keys, values = tokens @ w_k, tokens @ w_v
        scores = jnp.einsum("btk,bk->bt", keys, query @ w_q) / math.sqrt(self.dim)
        return jnp.einsum("bt,btv->bv", jax.nn.softmax(scores, -1), values)

    def loss(self, p, prompt):
        tokens, query, y = prompt
        w_q, w_k, w_v, w_o = (p["blocks.0.attn.W_" + letter] for letter in "QKVO")
        hidden = jax.nn.relu(self.attended(tokens, query, w_q, w_k, w_v) @ w_o)
        return jax.nn.relu(1 - y * (hidden @ self.read_out)).mean()

    def taken(self, prompt, drawn):
        self.read_out = drawn["read_out"]
        return prompt["tokens"], prompt["query"], prompt["target"]


class W3r(W3):
    def attended(self, tokens, query, w_q, w_k, w_v):
        scores = jnp.einsum("btd,bd->bt", tokens, (query @ w_q) @ w_k.T) / math.sqrt(self.dim)
        return jnp.einsum("bt,btd->bd", jax.nn.softmax(scores, -1), tokens) @ w_v


class W4(Workload):
    """GPT-2 of 4 layers, 4 heads, width 64, on 41 tokens of width 20, read out at every token."""
    batch, tokens, read_in, dim, heads, layers, adam, scan = 64, 41, 20, 64, 4, 4, True, 10

    def parameters(self, key, pre):
        d, m, h, k = self.dim, 4 * self.dim, self.heads, self.dim // self.heads
        keys = iter(jax.random.split(key, 3 + 6 * self.layers))
        weight = lambda *shape, fan_in: normal(next(keys), *pre, *shape, fan_in=fan_in)  # noqa: E731
        zeros, ones = (lambda *n: jnp.zeros(pre + n)), (lambda *n: jnp.ones(pre + n))
        p = {"embed.W_E": weight(self.read_in, d, fan_in=self.read_in), "embed.b_E": zeros(d),
             "pos_embed.W_pos": 0.02 * weight(self.tokens, d, fan_in=1)}
        for layer in range(self.layers):
            block = {"ln1.w": ones(d), "ln1.b": zeros(d), "attn.W_O": weight(h, k, d, fan_in=d),
                     "attn.b_O": zeros(d), "ln2.w": ones(d), "ln2.b": zeros(d),
                     "mlp.W_in": weight(d, m, fan_in=d), "mlp.b_in": zeros(m),
                     "mlp.W_out": weight(m, d, fan_in=m), "mlp.b_out": zeros(d)}
            for letter in "QKV":
                block["attn.W_" + letter] = weight(h, d, k, fan_in=d)
                block["attn.b_" + letter] = zeros(h, k)
            p.update({f"blocks.{layer}.{name}": value for name, value in block.items()})
        p.update({"ln_final.w": ones(d), "ln_final.b": zeros(d), "unembed.W_U": weight(d, 1, fan_in=d),
                  "unembed.b_U": zeros(1)})
        return p

    def draw(self, key, pre):
        a, b = jax.random.split(key)
        return (jax.random.normal(a, pre + (self.batch, self.tokens, self.read_in)),
                jax.random.normal(b, pre + (self.batch, self.tokens)))

    def norm(self, x, gain, bias):
        mean = x.mean(-1, keepdims=True)
        variance = jnp.square(x - mean).mean(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gain + bias

    def attention(self, x, of):
        """x (B, T, D); the heads' matrices are joined so that each token meets one wide product."""
        t, d, h = self.tokens, self.dim, self.heads
        wide = jnp.concatenate([of("attn.W_" + a).transpose(1, 0, 2).reshape(d, d) for a in "QKV"], 1)
        bias = jnp.concatenate([of("attn.b_" + a).reshape(d) for a in "QKV"])
        q, k, v = jnp.split((x @ wide + bias).reshape(-1, t, 3 * h, d // h), 3, 2)
        scores = jnp.einsum("bihk,bjhk->bhij", q, k) / math.sqrt(d // h)
        seen = jnp.tril(jnp.ones((t, t), bool))
        pattern = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), -1)
        z = jnp.einsum("bhij,bjhk->bihk", pattern, v).reshape(-1, t, d)
        return z @ of("attn.W_O").reshape(d, d) + of("attn.b_O")

    def loss(self, p, prompt):
        tokens, y = prompt
        x = tokens @ p["embed.W_E"] + p["embed.b_E"] + p["pos_embed.W_pos"]
        for layer in range(self.layers):
            of = lambda name: p[f"blocks.{layer}.{name}"]  # noqa: B023, E731
            x = x + self.attention(self.norm(x, of("ln1.w"), of("ln1.b")), of)
            hidden = self.norm(x, of("ln2.w"), of("ln2.b")) @ of("mlp.W_in") + of("mlp.b_in")
            x = x + jax.nn.gelu(hidden, approximate=False) @ of("mlp.W_out") + of("mlp.b_out")
        f = self.norm(x, p["ln_final.w"], p["ln_final.b"]) @ p["unembed.W_U"] + p["unembed.b_U"]
        return ((f[..., 0] - y) ** 2).mean()

    def taken(self, prompt, drawn):
        return prompt["tokens"], prompt["targets"]


class Garg(W4):
    """The same of 12 layers, 8 heads, width 256, on 101 tokens (arXiv 2208.01066)."""
    tokens, dim, heads, layers, scan = 101, 256, 8, 12, 1


WORKLOADS = {cls.__name__: cls for cls in (W1, W2, W2full, W3, W3r, W4, Garg)}


def updated(workload, p, moments, gradient, step):
    """SGD or Adam, as torch.optim's defaults with lr 0.001."""
    if not workload.adam:
        return jax.tree.map(lambda w, g: w - 1e-3 * g, p, gradient), moments
    t = step + 1.0
    rate, share = 1e-3 / (1 - 0.9 ** t), 1 / (1 - 0.999 ** t)
    m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, moments[0], gradient)
    v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, moments[1], gradient)
    p = jax.tree.map(lambda w, a, b: w - rate * a / (jnp.sqrt(b * share) + 1e-8), p, m, v)
    return p, (m, v)


def make_step(workload, pre, fixed):
    """(state, _) -> (state, loss), as lax.scan takes it."""

    slope = jax.value_and_grad(workload.loss)
    slopes = jax.vmap(slope) if pre else slope

    def step(state, _):
        p, moments, key, count = state
        key, now = jax.random.split(key)
        loss, gradient = slopes(p, workload.prompt(fixed, workload.draw(now, pre)))
        return (*updated(workload, p, moments, gradient, count), key, count + 1), loss

    return step


def named(name):
    name, _, batch = name.partition("@")
    workload = WORKLOADS[name]()
    if batch:
        workload.scan *= max(1, workload.batch // int(batch))  # so that a call takes as long
        workload.batch = int(batch)
    return workload


def steps_per_second(options):
    workload = named(options.workload)
    pre = (options.replicas,) if "vmap" in options.way else ()
    key = jax.random.key(0, impl=options.random)
    fixed = workload.fixed(key, pre)
    p = workload.parameters(key, pre)
    moments = (jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)) if workload.adam else ()
    state = (p, moments, key, jnp.zeros(()))
    steps = 1
    if "scan" in options.way:
        steps = options.scan or max(2, workload.scan // math.prod(pre))
    step = make_step(workload, pre, fixed)

    @functools.partial(jax.jit, donate_argnums=0)
    def advance(state):
        if steps == 1:
            return step(state, None)
        return jax.lax.scan(step, state, length=steps)

    state, loss = jax.block_until_ready(advance(state))
    # So many calls between two looks at the clock that Python's work overlaps with XLA's, as in a training loop.
    calls, times = 1, []
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    end = clock() + options.seconds
    while clock() < end or len(times) < 3:
        start = clock()
        for _ in range(calls):
            state, loss = advance(state)
        jax.block_until_ready(state)
        taken = clock() - start
        if taken < options.seconds / 20 and len(times) < 3:
            calls, times = calls * 2, []
        else:
            times.append(taken / calls)
    if not bool(jnp.isfinite(loss).all()):
        raise SystemExit(f"{options.workload} {options.way}: the loss is not finite")
    return steps * math.prod(pre) / sorted(times)[len(times) // 2]


def agreement(options):
    """The differences of every form of the workload, of one model and of the second of two."""
    tensors = example.read(options.agree)
    parts = [{k: jnp.asarray(v) for k, v in example.part(tensors, kind).items()}
             for kind in ("weight", "prompt", "drawn")]
    workload = named(options.workload)
    p = parts[0]
    if isinstance(workload, W3):
        p = {name: value[0] for name, value in p.items()}  # one head
    prompt = workload.taken(parts[1], parts[2])
    slope = jax.value_and_grad(workload.loss)
    far = {"one model": example.differences(tensors, *jax.jit(slope)(p, prompt))}
    two = lambda tree: jax.tree.map(lambda a: jnp.stack([0.5 * a, a]), tree)  # noqa: E731
    loss, gradient = jax.jit(jax.vmap(slope))(two(p), two(prompt))
    far["vmap"] = example.differences(tensors, loss[1], {name: g[1] for name, g in gradient.items()})
    return far


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload")
    parser.add_argument("way", nargs="?", choices=["jit", "scan", "vmap", "vmap-scan"], default="jit")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--replicas", type=int, default=16)
    parser.add_argument("--scan", type=int)
    parser.add_argument("--random", default="threefry2x32", choices=["threefry2x32", "rbg", "unsafe_rbg"])
    parser.add_argument("--fast-math", action="store_true", help="XLA may reorder and approximate")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--agree", metavar="FILE")
    options = parser.parse_args()
    if options.agree:
        print(json.dumps(agreement(options)))
        return
    print(json.dumps({"workload": options.workload, "way": options.way, "steps": steps_per_second(options),
                      "library": f"jax {jax.__version__}", "blas": "XLA's Eigen"}))


if __name__ == "__main__":
    main()
