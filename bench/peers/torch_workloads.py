"""PyTorch's side of the workloads W1 to W4: model-steps a second of one thread, as JSON.

Usage: python3 torch_workloads.py WORKLOAD[@BATCH] eager|script|batched [--seconds 2]
eager: one model; script: one model by TorchScript; batched: 16 models in one set of tensors (bmm). W2full and W3
compute every token's keys and values as a user writes them; W2 and W3r the cheap algebra for one query. A step draws
its batch, computes loss and gradients and updates; median CPU time of a step. Pin the process with taskset.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F

REPLICAS = 16


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
        self.signs = (torch.randint(0, 2, (self.hidden,)).float() * 2 - 1) / self.hidden ** 0.5

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


class Garg(W4):
    """The same of 12 layers, 8 heads, width 256, on 101 tokens (arXiv 2208.01066)."""
    tokens, dim, heads, layers = 101, 256, 8, 12


WORKLOADS = {cls.__name__: cls for cls in (W1, W2, W2full, W3, W3r, W4, Garg)}


def steps_per_second(name, way, seconds):
    name, _, batch = name.partition("@")
    pre = (REPLICAS,) if way == "batched" else ()
    workload = WORKLOADS[name](pre)
    if batch:
        workload.batch = int(batch)
    weights = [p.requires_grad_() for p in workload.parameters(pre)]
    make = torch.optim.Adam if workload.adam else torch.optim.SGD
    optimizer = make(weights, lr=1e-3)

    loss_of = workload.loss
    if way == "script":
        class Traced(torch.nn.Module):
            def forward(self, *values):
                return workload.loss(values[:len(weights)], values[len(weights):])
        traced = torch.jit.trace(Traced(), tuple(weights) + tuple(workload.draw(pre)), check_trace=False)
        loss_of = lambda p, data: traced(*p, *data)  # noqa: E731

    def step():
        loss = loss_of(weights, workload.draw(pre)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(3):
        step()
    times, end = [], time.process_time() + seconds
    while time.process_time() < end or len(times) < 5:
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    times.sort()
    return (REPLICAS if pre else 1) / times[len(times) // 2]


def blas():
    """The BLAS this process has loaded: Debian's torch takes whatever is installed, and its reference is 10 times slower."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        text = maps.read()
    return next((name for name in ("mkl", "openblas", "blis") if name in text), "reference")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload")
    parser.add_argument("way", choices=["eager", "script", "batched"])
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = steps_per_second(options.workload, options.way, options.seconds)
    print(json.dumps({"workload": options.workload, "way": options.way, "steps": steps,
                      "torch": torch.__version__, "blas": blas()}))


if __name__ == "__main__":
    main()
