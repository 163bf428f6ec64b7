"""The long-tail experiment in PyTorch, batched over runs: when does each of 1,000 runs pass accuracy 0.95?

Usage: python3 bench/peers/long_tail_torch.py [--runs 1000] [--chunk 32] [--processes 2] [--threads 1]
The experiment of examples/long-tail.toml (differential-kinetics.md, section 4 (C4)): N = 16 context items in D = 32
dimensions, new ones in every prompt, their overlaps with the target drawn from their exact law; z = phi(x) + w m, phi
an MLP 32-32-32-1; SGD 0.3, batch 128, at most 6,000 steps; each run is evaluated on its 512 kept prompts at step 0,
the multiples of 25 and round(20 x 1.02^i), and stops at accuracy > 0.97. Prints JSON; seconds are those after the
import.

What makes it fast: the runs of a chunk in one batched product, gradients written out without autograd, chunks that
stay in the cache, stopped runs dropped after each evaluation, one process a core. Tried and no faster (PyTorch 2.15,
one core with AVX-512, microseconds a step of a run): torch.compile of the step 73-91 against 74-89, with the draws
inside 290; `where` for relu's gradient 40 more; normals into strided memory 40 more; chunks of 8: 130.
"""
import argparse
import json
import math
import multiprocessing
import time

import torch

N, D, H, BATCH, KEPT, STEPS, RATE = 16, 32, 32, 128, 512, 6000, 0.3
relu_gradient = torch.ops.aten.threshold_backward  # `where` takes 20 times as long
BITS = torch.arange(N, dtype=torch.int32)


def schedule():
    growing = (20 * 1.02**i for i in range(1000))
    return sorted({*range(0, STEPS + 1, 25), *(math.floor(s + 0.5) for s in growing if s < STEPS + 0.5)})


def initial(runs):
    """The weights of all runs, PyTorch's start for linear maps; beta ~ N(0, 1), w = 0."""
    def uniform(*shape):
        return (2 * torch.rand(runs, *shape) - 1) / math.sqrt(D)  # D = H: every fan-in is the same
    return [uniform(D, H), uniform(1, H), uniform(H, H), uniform(1, H), uniform(H, 1), uniform(1, 1),
            torch.randn(runs, 1), torch.zeros(runs, 1)]


def draw(runs, prompts):
    """x (R, P, D), overlaps s (R, P, N) with the copy first, labels (R, P, N)."""
    x = torch.randn(runs, prompts, D).mul_(1 / math.sqrt(D))
    square = torch.linalg.vecdot(x, x)
    s = torch.randn(runs, prompts, N).mul_((square * (1 / D)).sqrt_()[..., None])  # contiguous: twice as fast
    s[..., 0] = square
    bits = torch.randint(2**N, (runs, prompts, 1), dtype=torch.int32)
    labels = ((bits >> BITS) & 1).float().mul_(2).sub_(1)
    return x, s, labels


def forward(weights, x, s, labels):
    W1, b1, W2, b2, W3, b3, beta, w = weights
    h1 = torch.baddbmm(b1, x, W1).relu_()
    h2 = torch.baddbmm(b2, h1, W2).relu_()
    a = torch.softmax(beta[..., None] * s, -1)
    la = a * labels
    m = la.sum(-1)
    z = (h2 * W3.mT).sum(-1) + b3.squeeze(-1) + w * m  # for one column a product takes longer
    return h1, h2, a, la, m, z


def step(weights, x, s, labels):
    """One step of SGD, in place."""
    W1, b1, W2, b2, W3, b3, beta, w = weights
    h1, h2, a, la, m, z = forward(weights, x, s, labels)
    y = labels[..., 0]
    g = y * torch.sigmoid(-y * z) * (-1 / BATCH)  # (R, B), dL/dz
    by_beta = w * (g * ((la * s).sum(-1) - m * (a * s).sum(-1))).sum(-1, keepdim=True)
    column = g[..., None]
    d2 = relu_gradient(column * W3.mT, h2, 0)
    d1 = relu_gradient(torch.bmm(d2, W2.mT), h1, 0)
    W3 -= RATE * (h2 * column).sum(1)[..., None]
    b3 -= RATE * g.sum(-1)[..., None, None]
    W2.baddbmm_(h1.mT, d2, alpha=-RATE)
    b2 -= RATE * d2.sum(1, keepdim=True)
    W1.baddbmm_(x.mT, d1, alpha=-RATE)
    b1 -= RATE * d1.sum(1, keepdim=True)
    w -= RATE * (g * m).sum(-1, keepdim=True)
    beta -= RATE * by_beta


def accuracy(weights, x, s, labels):
    z = forward(weights, x, s, labels)[-1]
    return (z * labels[..., 0] > 0).float().mean(-1)


def chunks_of(members, weights, kept, size):
    """Chunks of `size` runs: who they are, their weights, their kept prompts."""
    return [[members[i:i + size], [v[i:i + size].clone() for v in weights], [v[i:i + size].clone() for v in kept]]
            for i in range(0, len(members), size)]


def joined(chunks):
    members, weights, kept = zip(*chunks)
    return torch.cat(members), [torch.cat(v) for v in zip(*weights)], [torch.cat(v) for v in zip(*kept)]


@torch.inference_mode()
def train(runs, size, seed, threads):
    """First evaluation above 0.95 of each run, infinite if none."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    passed = torch.full((runs,), math.inf)
    chunks = chunks_of(torch.arange(runs), initial(runs), draw(runs, KEPT), size)
    at = 0
    for due in schedule():
        for chunk in chunks:
            members, weights, kept = chunk
            for _ in range(due - at):
                step(weights, *draw(len(members), BATCH))
            reached = accuracy(weights, *kept)
            passed[members[reached > 0.95]] = passed[members[reached > 0.95]].clamp(max=due)
            goes_on = reached <= 0.97
            if not goes_on.all():
                chunk[:] = members[goes_on], [v[goes_on] for v in weights], [v[goes_on] for v in kept]
        at = due
        alive = sum(len(members) for members, _, _ in chunks)
        if alive == 0:
            break
        if alive <= (len(chunks) - 1) * size:
            chunks = chunks_of(*joined(chunks), size)
    return passed


def work(task):
    return train(*task).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--chunk", type=int, default=32)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    begin = time.perf_counter()
    shares = [options.runs * (i + 1) // options.processes - options.runs * i // options.processes
              for i in range(options.processes)]
    tasks = [(share, options.chunk, seed, options.threads) for seed, share in enumerate(shares)]
    if options.processes == 1:
        lists = [work(tasks[0])]
    else:
        with multiprocessing.get_context("fork").Pool(options.processes) as pool:
            lists = pool.map(work, tasks, chunksize=1)
    seconds = time.perf_counter() - begin
    passed = torch.tensor(sum(lists, []))
    acquired = passed[passed.isfinite()]
    print(json.dumps({
        "seconds": seconds, "runs": options.runs, "median": passed.quantile(0.5).item(),
        "mean": acquired.mean().item(), "max": acquired.max().item(), "acquired": len(acquired) / len(passed),
        "version": torch.__version__, "chunk": options.chunk, "processes": options.processes,
        "threads": options.threads}))


if __name__ == "__main__":
    main()
