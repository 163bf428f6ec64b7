"""PyTorch's side of the workloads W1 to W4: model-steps a second, as JSON.

Usage: python3 torch_workloads.py WORKLOAD[@BATCH] WAY[+foreach|+fused] [--seconds 2] [--replicas 16] [--threads 1]
       [--agree FILE]
WAY: eager: one model; script: one model by TorchScript; compile: one model by torch.compile; batched: --replicas models
in one set of tensors (bmm); compile-batched: both; vmap: the same models by functorch; +foreach, +fused: the optimiser
of that kind. W2full and W3 compute every token's keys and values as a user writes them; W2 and W3r the cheap algebra for
one query. A step draws its batch, computes loss and gradients and updates; compilation excluded; median wall time of a
step. Pin the process with taskset.
--list: instead, the ways this version has; --agree: how far loss and gradients lie from those of a batch that ICLab
wrote, by every algebra; as JSON.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F

import example

try:
    from torch.func import grad, vmap
except ImportError:  # before PyTorch 2
    from functorch import grad, vmap

HAS_COMPILE = hasattr(torch, "compile")
WAYS = ["eager", "script", "batched", "vmap"] + ["compile", "compile-batched"] * HAS_COMPILE


def linear(x, weight, bias=None):
    """x (..., in), weight (out, in); or with replicas in front of both."""
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    flat = x.reshape(weight.shape[0], -1, x.shape[-1])
    if bias is None:
        out = torch.bmm(flat, weight.transpose(1, 2))
    else:
        out = torch.baddbmm(bias.unsqueeze(1), flat, weight.transpose(1, 2))
    return out.reshape(x.shape[:-1] + (weight.shape[1],))


def lifted(parameter, dims):
    """A scalar or vector a replica, to broadcast against `dims` more dimensions."""
    return parameter.reshape(parameter.shape + (1,) * dims)


def normal(*shape, fan_in=1.0, gain=1.0):
    return torch.randn(*shape) * (gain / fan_in) ** 0.5


class W1:
    """100 context items of 63 numbers and a target, of 4096 items; overlaps and an MLP 63-512-512-1."""
    batch, context, dim, hidden, items, adam = 128, 100, 63, 512, 4096, True

    def __init__(self, pre):
        self.table = normal(*pre, self.items, self.dim, fan_in=self.dim)
        self.labels = torch.randint(0, 2, pre + (self.items,)).float() * 2 - 1
        self.first = torch.arange(pre[0]).view(-1, 1, 1) * self.items if pre else 0

    def parameters(self, pre):
        d, h = self.dim, self.hidden
        return [normal(*pre, h, d, fan_in=d), torch.zeros(pre + (h,)),
                normal(*pre, h, h, fan_in=h, gain=2), torch.zeros(pre + (h,)),
                normal(*pre, 1, h, fan_in=h), torch.zeros(pre + (1,)), torch.ones(pre),
                torch.ones(pre) * 0.1]

    def draw(self, pre):
        context = torch.randint(0, self.items, pre + (self.batch, self.context))
        place = torch.randint(0, self.context, pre + (self.batch, 1))
        target = context.gather(-1, place)
        context, target = context + self.first, (target + self.first).squeeze(-1)
        table, labels = self.table.view(-1, self.dim), self.labels.view(-1)
        return table[context], labels[context], table[target], labels[target]

    def loss(self, p, data):
        items, labels, target, y = data
        w1, b1, w2, b2, w3, b3, beta, w = p
        overlaps = torch.matmul(items, target.unsqueeze(-1)).squeeze(-1)
        copied = (torch.softmax(overlaps * lifted(beta, 2), -1) * labels).sum(-1)
        hidden = torch.relu(linear(torch.relu(linear(target, w1, b1)), w2, b2))
        return F.softplus(-y * (linear(hidden, w3, b3).squeeze(-1) + lifted(w, 1) * copied)).mean(-1)

    def weights_of(self, w):
        return [w["mlp.W_1"].mT, w["mlp.b_1"], w["mlp.W_2"].mT, w["mlp.b_2"], w["mlp.W_3"].mT, w["mlp.b_3"],
                w["beta"], w["w"]]

    def data_of(self, prompt, drawn):
        return prompt["items"], prompt["labels"], prompt["query"], prompt["target"]


class W2:
    """Linear self-attention of the query on 40 examples in 20 dimensions."""
    batch, context, dim, adam = 256, 40, 20, False

    def __init__(self, pre):
        pass

    def parameters(self, pre):
        return [torch.randn(pre + (self.dim + 1, self.dim + 1)) * 0.1 for _ in range(2)]

    def draw(self, pre):
        x = torch.randn(pre + (self.batch, self.context + 1, self.dim))
        y = torch.matmul(x, torch.randn(pre + (self.batch, self.dim, 1)))
        target = y[..., -1, 0].clone()
        y[..., -1, 0] = 0
        return torch.cat([x, y], -1), target

    def loss(self, p, data):
        tokens, target = data
        w_pv, w_kq = p
        scores = torch.matmul(tokens, linear(tokens[..., -1, :], w_kq).unsqueeze(-1)) / self.context
        value = torch.matmul(tokens.transpose(-1, -2), scores).squeeze(-1)
        return ((linear(value, w_pv)[..., -1] - target) ** 2).mean(-1)

    def weights_of(self, w):
        return [w["W_PV"], w["W_KQ"]]

    def data_of(self, prompt, drawn):
        x = torch.cat([prompt["x"], prompt["x_query"].unsqueeze(1)], 1)
        return torch.cat([x, F.pad(prompt["y"], (0, 1)).unsqueeze(-1)], -1), prompt["target"]


class W2full(W2):
    def loss(self, p, data):
        tokens, target = data
        w_pv, w_kq = p
        pattern = torch.matmul(tokens, linear(tokens, w_kq).transpose(-1, -2)) / self.context
        out = tokens + linear(torch.matmul(pattern.transpose(-1, -2), tokens), w_pv)
        return ((out[..., -1, -1] - target) ** 2).mean(-1)


class W3:
    """Softmax attention of a query over 20 tokens of width 40, 100 ReLU neurons, fixed signs."""
    batch, tokens, dim, hidden, adam = 64, 20, 40, 100, True

    def __init__(self, pre):
        self.signs = (torch.arange(self.hidden) % 2 * 2 - 1) / self.hidden

    def parameters(self, pre):
        d = self.dim
        return [normal(*pre, d, d, fan_in=d) for _ in range(3)] + [normal(*pre, self.hidden, d, fan_in=d)]

    def draw(self, pre):
        return (torch.randn(pre + (self.batch, self.tokens, self.dim)),
                torch.randn(pre + (self.batch, self.dim)),
                torch.randint(0, 2, pre + (self.batch,)).float() * 2 - 1)

    def read_out(self, z, w_o, y):
        f = (torch.relu(linear(z, w_o)) * self.signs).sum(-1)
        return torch.relu(1 - y * f).mean(-1)

    def loss(self, p, data):
        tokens, query, y = data
        w_q, w_k, w_v, w_o = p
        keys, values = linear(tokens, w_k), linear(tokens, w_v)
        scores = torch.matmul(keys, linear(query, w_q).unsqueeze(-1)).squeeze(-1) / self.dim ** 0.5
        z = torch.matmul(torch.softmax(scores, -1).unsqueeze(-2), values).squeeze(-2)
        return self.read_out(z, w_o, y)

    def weights_of(self, w):
        return [w["blocks.0.attn.W_" + letter][0].mT for letter in "QKVO"]

    def data_of(self, prompt, drawn):
        self.signs = drawn["read_out"]
        return prompt["tokens"], prompt["query"], prompt["target"]


class W3r(W3):
    def loss(self, p, data):
        tokens, query, y = data
        w_q, w_k, w_v, w_o = p
        key_query = linear(linear(query, w_q), w_k.transpose(-1, -2))
        scores = torch.matmul(tokens, key_query.unsqueeze(-1)).squeeze(-1) / self.dim ** 0.5
        mean = torch.matmul(torch.softmax(scores, -1).unsqueeze(-2), tokens).squeeze(-2)
        return self.read_out(linear(mean, w_v), w_o, y)


class W4:
    """GPT-2 of 4 layers, 4 heads, width 64, on 41 tokens of width 20, read out at every token."""
    batch, tokens, read_in, dim, heads, layers, adam = 64, 41, 20, 64, 4, 4, True

    def __init__(self, pre):
        self.mask = torch.full((self.tokens, self.tokens), float("-inf")).triu(1)

    def parameters(self, pre):
        d, m = self.dim, 4 * self.dim
        zeros, ones = (lambda n: torch.zeros(pre + (n,))), (lambda n: torch.ones(pre + (n,)))
        p = [normal(*pre, d, self.read_in, fan_in=self.read_in), zeros(d),
             torch.randn(pre + (self.tokens, d)) * 0.02]
        for _ in range(self.layers):
            p += [ones(d), zeros(d), normal(*pre, 3 * d, d, fan_in=d), zeros(3 * d),
                  normal(*pre, d, d, fan_in=d) * 0.35, zeros(d), ones(d), zeros(d),
                  normal(*pre, m, d, fan_in=d), zeros(m), normal(*pre, d, m, fan_in=m) * 0.35, zeros(d)]
        return p + [ones(d), zeros(d), normal(*pre, 1, d, fan_in=d), zeros(1)]

    def draw(self, pre):
        return (torch.randn(pre + (self.batch, self.tokens, self.read_in)),
                torch.randn(pre + (self.batch, self.tokens)))

    def norm(self, x, gain, bias):
        if gain.dim() == 1:
            return F.layer_norm(x, (self.dim,), gain, bias)
        return F.layer_norm(x, (self.dim,)) * gain[:, None, None, :] + bias[:, None, None, :]

    def loss(self, p, data):
        tokens, y = data
        width = self.dim // self.heads
        h = linear(tokens, p[0], p[1]) + (p[2] if p[2].dim() == 2 else p[2].unsqueeze(1))
        pre = h.shape[:-2]
        for layer in range(self.layers):
            g1, c1, w_qkv, b_qkv, w_o, b_o, g2, c2, w_in, b_in, w_out, b_out = p[3 + 12 * layer:15 + 12 * layer]
            qkv = linear(self.norm(h, g1, c1), w_qkv, b_qkv)
            q, k, v = (a.transpose(-2, -3) for a in
                       qkv.reshape(pre + (self.tokens, 3, self.heads, width)).unbind(-3))
            pattern = torch.softmax(torch.matmul(q, k.transpose(-1, -2)) / width ** 0.5 + self.mask, -1)
            z = torch.matmul(pattern, v).transpose(-2, -3).reshape(pre + (self.tokens, self.dim))
            h = h + linear(z, w_o, b_o)
            h = h + linear(F.gelu(linear(self.norm(h, g2, c2), w_in, b_in)), w_out, b_out)
        out = linear(self.norm(h, p[-4], p[-3]), p[-2], p[-1]).squeeze(-1)
        return ((out - y) ** 2).mean((-1, -2))

    def weights_of(self, w):
        p = [w["embed.W_E"].mT, w["embed.b_E"], w["pos_embed.W_pos"]]
        for layer in range(self.layers):
            of = lambda name: w[f"blocks.{layer}.{name}"]  # noqa: B023, E731
            p += [of("ln1.w"), of("ln1.b"), torch.cat([of("attn.W_" + a).mT.flatten(0, 1) for a in "QKV"]),
                  torch.cat([of("attn.b_" + a).flatten() for a in "QKV"]), of("attn.W_O").flatten(0, 1).mT,
                  of("attn.b_O"), of("ln2.w"), of("ln2.b"), of("mlp.W_in").mT, of("mlp.b_in"),
                  of("mlp.W_out").mT, of("mlp.b_out")]
        return p + [w["ln_final.w"], w["ln_final.b"], w["unembed.W_U"].mT, w["unembed.b_U"]]

    def data_of(self, prompt, drawn):
        return prompt["tokens"], prompt["targets"]


class Garg(W4):
    """The same of 12 layers, 8 heads, width 256, on 101 tokens (arXiv 2208.01066)."""
    tokens, dim, heads, layers = 101, 256, 8, 12


WORKLOADS = {cls.__name__: cls for cls in (W1, W2, W2full, W3, W3r, W4, Garg)}


def optimizer_of(workload, weights, kind):
    kinds = {kind: True} if kind else {}
    return (torch.optim.Adam if workload.adam else torch.optim.SGD)(weights, lr=1e-3, **kinds)


def named(name, pre=()):
    name, _, batch = name.partition("@")
    workload = WORKLOADS[name](pre)
    if batch:
        workload.batch = int(batch)
    return workload


def make_step(workload, way, kind, pre):
    """A function that trains one step."""
    weights = [p.requires_grad_() for p in workload.parameters(pre)]
    optimizer = optimizer_of(workload, weights, kind)
    if way == "vmap":
        slopes = vmap(grad(workload.loss))

        def step():
            gradients = slopes(tuple(p.detach() for p in weights), workload.draw(pre))
            for p, gradient in zip(weights, gradients):
                p.grad = gradient
            optimizer.step()

        return step

    loss_of = workload.loss
    if way == "script":
        class Traced(torch.nn.Module):
            def forward(self, *values):
                return workload.loss(values[:len(weights)], values[len(weights):])
        traced = torch.jit.trace(Traced(), tuple(weights) + tuple(workload.draw(pre)), check_trace=False)
        loss_of = lambda p, data: traced(*p, *data)  # noqa: E731
    elif way.startswith("compile"):  # forward and backward; the draw and the update are calls of their own
        loss_of = torch.compile(workload.loss, dynamic=False)

    def step():
        loss = loss_of(weights, workload.draw(pre)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def steps_per_second(options):
    way, _, kind = options.way.partition("+")
    pre = (options.replicas,) if way in ("batched", "compile-batched", "vmap") else ()
    step = make_step(named(options.workload, pre), way, kind, pre)
    for _ in range(3):
        step()
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    times, end = [], clock() + options.seconds
    while clock() < end or len(times) < 5:
        start = clock()
        step()
        times.append(clock() - start)
    times.sort()
    return (pre[0] if pre else 1) / times[len(times) // 2]


def agreement(options):
    """The differences of one model's gradients, and of the second of two by bmm and by vmap."""
    tensors = example.read(options.agree)
    weights, prompt, drawn = ({name: torch.tensor(value) for name, value in example.part(tensors, kind).items()}
                              for kind in ("weight", "prompt", "drawn"))
    workload = named(options.workload)
    data = workload.data_of(prompt, drawn)
    two = lambda x: torch.stack([0.5 * x, x])  # noqa: E731

    def slopes(loss_of):
        """Loss and gradients by ICLab's names: through the map from its weights to this file's."""
        leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
        loss = loss_of(workload.weights_of(leaves))
        found = torch.autograd.grad(loss, list(leaves.values()))
        return example.differences(tensors, loss.detach(), dict(zip(leaves, found)))

    def by_bmm(p):
        return workload.loss([two(x) for x in p], [two(x) for x in data])[1]

    def by_vmap(p):
        return vmap(workload.loss)(tuple(two(x) for x in p), tuple(two(x) for x in data))[1]

    ways = {"one model": lambda p: workload.loss(p, data), "batched": by_bmm, "vmap": by_vmap}
    if HAS_COMPILE:
        ways["compile"] = lambda p: torch.compile(workload.loss, dynamic=False)(p, data)
    return {way: slopes(loss_of) for way, loss_of in ways.items()}


def blas():
    """The BLAS of this torch: built in, or what Debian's finds installed (its reference is 10 times slower)."""
    if torch.backends.mkl.is_available():
        return "mkl"
    with open("/proc/self/maps", encoding="utf-8") as maps:
        text = maps.read()
    return next((name for name in ("openblas", "blis") if name in text), "reference")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="?")
    parser.add_argument("way", nargs="?", default="eager")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--replicas", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--agree", metavar="FILE")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    facts = {"library": f"torch {torch.__version__}", "blas": blas()}
    if options.list:
        print(json.dumps({**facts, "ways": WAYS, "has_fused": HAS_COMPILE}))
        return
    if options.way.partition("+")[0] not in WAYS:
        parser.error(f"found the way '{options.way}', accepted are {', '.join(WAYS)}, each with +foreach or +fused")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.agree:
        print(json.dumps(agreement(options)))
        return
    steps = steps_per_second(options)
    print(json.dumps({"workload": options.workload, "way": options.way, "steps": steps, **facts}))


if __name__ == "__main__":
    main()
