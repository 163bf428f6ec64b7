"""The full model of arXiv 2412.00104 (differential-kinetics.md, section 2.3; figure 2d) in PyTorch: steps a second, as
JSON.

Usage: python3 bench/peers/full_model_torch.py WAY [--compile] [--fused] [--steps 200] [--threads 1] [--agree FILE]
20000 items of 63 numbers, 99 context tokens and a target, MLP 65-512-512-1, batch 128, SGD 0.01 with decay 1e-10 in
two groups, "paper" sampler. WAY:
  script   as the published script goes about it: sequences made one by one in NumPy by a Dataset, a DataLoader, a
           table of labels a sequence, one causal attention block for all tokens, the last of which is read
  batched  the same block; a batch is drawn at once
  query    keys and values of all tokens, the query of the last alone
  cheap    scores v (Wk^T q), value Wv (a^T v): no keys, no values
  table    cheap, with the tokens normalised once in the table and LayerNorm's scale and bias at the query's side, which
           is what ICLab finds by itself
--compile: loss and gradients by torch.compile; --fused: the fused optimiser. An epoch is 469 steps and the evaluation of two kept sets of 2000
sequences: the time is that of `--steps` steps, scaled, and of one evaluation; warm-up and compilation excluded.
--agree: instead, how far loss and gradients lie from those of a batch that ICLab wrote, of every way; as JSON.
"""
import argparse
import json
import time

import numpy
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

import example

K, N, D, H, BATCH, EPOCH, KEPT, RATE, DECAY = 20000, 99, 63, 512, 128, 469, 2000, 0.01, 1e-10
WIDTH = D + 2
WAYS = ["script", "batched", "query", "cheap", "table"]


# ---- data ----

def tokens_of(items, labels):
    """(..., D) with a label column each; labels -1, 1, or 0 for a target."""
    columns = torch.stack([(labels < 0).float(), (labels > 0).float()], -1)
    return torch.cat([items, columns], -1)


class Items:
    """A table of items and what a batch gathers from it: the context's tokens and the target's."""

    def __init__(self, normalised, items=K):
        self.x = torch.randn(items, D) / D**0.5
        self.labels = (torch.randperm(items) < items // 2).float() * 2 - 1
        self.tokens = tokens_of(self.x, self.labels)
        self.targets = tokens_of(self.x, torch.zeros(items))
        if normalised:
            self.tokens, self.targets = (F.layer_norm(t, (WIDTH,)) for t in (self.tokens, self.targets))

    def gather(self, context, target):
        tokens = torch.cat([self.tokens[context], self.targets[target].unsqueeze(1)], 1)
        return tokens, self.labels[target]

    def draw(self, batch):
        context, target = torch.randint(len(self.x), (batch, N)), torch.randint(len(self.x), (batch,))
        other = context.gather(1, torch.randint(N, (batch, 1))).squeeze(1)
        present = (context == target.unsqueeze(1)).any(1)
        return self.gather(context, torch.where(present, target, other))

    def draw_distinct(self, batch):
        """Context and target without a common item."""
        chosen = torch.stack([torch.randperm(len(self.x))[:N + 1] for _ in range(batch)])
        return self.gather(chosen[:, :N], chosen[:, N])


class Sequences(Dataset):
    """One sequence at a time."""

    def __init__(self, x, length):
        self.x, self.length = x.double(), length

    def __len__(self):
        return self.length

    def __getitem__(self, _):
        chosen = numpy.random.choice(len(self.x), size=N + 1, replace=True)
        if numpy.sum(chosen == chosen[-1]) < 2:
            chosen[-1] = numpy.random.choice(chosen[:-1])
        return self.x[chosen].float(), torch.tensor(chosen)


class Labels(Dataset):
    """The table of labels, for each sequence."""

    def __init__(self, labels, length):
        self.table, self.length = (labels > 0).long(), length

    def __len__(self):
        return self.length

    def __getitem__(self, _):
        return self.table


class Script:
    """Batches by DataLoaders, in epochs; the labels' is asked for its first batch anew each step."""

    def __init__(self, items):
        self.sequences = DataLoader(Sequences(items.x, EPOCH * BATCH), batch_size=BATCH, shuffle=True)
        self.labels = DataLoader(Labels(items.labels, EPOCH * BATCH), batch_size=BATCH, shuffle=True)
        self.batches = iter(self.sequences)

    def draw(self, _):
        x, chosen = next(self.batches)
        table = next(iter(self.labels))
        labels = torch.gather(table, 1, chosen)
        y = labels[:, -1] * 2 - 1
        columns = F.one_hot(labels, 2)
        columns[:, -1] = 0
        return torch.cat([x, columns.float()], -1), y.float()


# ---- the model ----

def parameters():
    def linear(outputs, inputs, bias=True):
        start = torch.nn.Linear(inputs, outputs, bias=bias)
        return [p.detach() for p in start.parameters()]

    return [torch.ones(WIDTH), torch.zeros(WIDTH), *linear(WIDTH, WIDTH, False), *linear(WIDTH, WIDTH, False),
            *linear(WIDTH, WIDTH, False), *linear(H, WIDTH), *linear(H, H), *linear(1, H)]


def attention(q, k, v):
    """Causal, scale 1."""
    if hasattr(F, "scaled_dot_product_attention"):
        try:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
        except TypeError:  # before `scale`
            pass
    length = q.shape[1]
    mask = torch.full((length, length), float("-inf")).triu(1)
    return torch.softmax(q @ k.transpose(1, 2) + mask, -1) @ v


def hidden(way, p, tokens):
    """h of the target, (B, d)."""
    g, b, wq, wk, wv = p[:5]
    if way == "table":
        target = tokens[:, -1] * g + b
        asked = (target @ wq.T) @ wk * g
        a = torch.softmax(torch.bmm(tokens, asked.unsqueeze(2)).squeeze(2), -1)
        return target + (torch.bmm(a.unsqueeze(1), tokens).squeeze(1) * g + b) @ wv.T
    v = F.layer_norm(tokens, (WIDTH,), g, b)
    target = v[:, -1]
    if way == "cheap":
        a = torch.softmax(torch.bmm(v, ((target @ wq.T) @ wk).unsqueeze(2)).squeeze(2), -1)
        return target + torch.bmm(a.unsqueeze(1), v).squeeze(1) @ wv.T
    if way == "query":
        a = torch.softmax(torch.bmm(v @ wk.T, (target @ wq.T).unsqueeze(2)).squeeze(2), -1)
        return target + torch.bmm(a.unsqueeze(1), v @ wv.T).squeeze(1)
    q, k, values = (v @ torch.cat([wq, wk, wv]).T).chunk(3, -1)
    return (v + attention(q, k, values))[:, -1]


def logits(way, p, tokens):
    w1, b1, w2, b2, w3, b3 = p[5:]
    first = torch.relu(F.linear(hidden(way, p, tokens), w1, b1))
    return F.linear(torch.relu(F.linear(first, w2, b2)), w3, b3).squeeze(-1)


def loss(way, p, tokens, y):
    return F.softplus(-y * logits(way, p, tokens)).mean()


# ---- measurement ----

def compiled(function, options):
    return torch.compile(function, dynamic=False) if options.compile else function


def steps_per_second(options):
    items = Items(normalised=options.way == "table")
    data = Script(items) if options.way == "script" else items
    weights = [p.requires_grad_() for p in parameters()]
    groups = [{"params": part, "weight_decay": DECAY} for part in (weights[:2], weights[2:5], weights[5:])]
    optimizer = torch.optim.SGD(groups, lr=RATE, **({"fused": True} if options.fused else {}))
    loss_of = compiled(lambda p, tokens, y: loss(options.way, p, tokens, y), options)
    novel = Items(normalised=options.way == "table")
    kept = [[of.draw(BATCH) for _ in range(KEPT // BATCH + 1)] for of in (novel,)]
    kept.append([items.draw_distinct(BATCH) for _ in range(KEPT // BATCH + 1)])

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(weights, *data.draw(BATCH)).backward()
        optimizer.step()

    def evaluate():
        with torch.no_grad():
            for sequences in kept:
                right = [((logits(options.way, weights, tokens) * y) > 0).float().mean() for tokens, y in sequences]
                torch.stack(right).mean().item()

    for _ in range(5):
        step()
    evaluate()
    begin = time.perf_counter()
    for _ in range(options.steps):
        step()
    after = time.perf_counter()
    evaluate()
    end = time.perf_counter()
    seconds_a_step = (after - begin) / options.steps
    return {"steps": EPOCH / (EPOCH * seconds_a_step + end - after), "seconds_a_step": seconds_a_step,
            "evaluation": end - after}


# ---- agreement ----

def weights_of(w):
    """This file's weights from ICLab's, by name."""
    return [w["ln.w"], w["ln.b"], *(w["blocks.0.attn.W_" + a][0].T for a in "QKV"), w["mlp.W_1"].T, w["mlp.b_1"],
            w["mlp.W_2"].T, w["mlp.b_2"], w["mlp.W_3"].T, w["mlp.b_3"]]


def agreement(options):
    tensors = example.read(options.agree)
    given, prompt = ({name: torch.tensor(value) for name, value in example.part(tensors, kind).items()}
                     for kind in ("weight", "prompt"))
    context = tokens_of(prompt["items"], prompt["labels"])
    target = tokens_of(prompt["query"], torch.zeros(len(prompt["query"])))
    tokens, y = torch.cat([context, target.unsqueeze(1)], 1), prompt["target"]
    found = {}
    for way in WAYS:
        seen = F.layer_norm(tokens, (WIDTH,)) if way == "table" else tokens
        leaves = {name: value.clone().requires_grad_() for name, value in given.items()}
        loss_of = compiled(lambda p, tokens, y: loss(way, p, tokens, y), options)  # noqa: B023
        value = loss_of(weights_of(leaves), seen, y)
        slopes = torch.autograd.grad(value, list(leaves.values()))
        found[way] = example.differences(tensors, value.detach(), dict(zip(leaves, slopes)))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS, nargs="?", default="script")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--agree", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    result = agreement(options) if options.agree else steps_per_second(options)
    print(json.dumps({"version": torch.__version__, "result": result}))


if __name__ == "__main__":
    main()
