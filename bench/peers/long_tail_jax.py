"""The long-tail experiment in JAX, vmapped over runs: when does each of 1,000 runs pass accuracy 0.95?

Usage: python3 bench/peers/long_tail_jax.py [--runs 1000] [--chunk 32] [--processes 2] [--random threefry2x32]
The experiment of examples/long-tail.toml, as long_tail_torch.py states it. Prints JSON; seconds are those after the
import, with compilation, which is given apart too.

What makes it fast: one jitted function from one evaluation to the next (the number of steps is an argument, so that
it is compiled once a chunk size); vmap over the runs of a chunk, small enough for the cache; chunks of three sizes, the
smaller ones for the tail; stopped runs dropped as soon as a chunk can be saved; one single-threaded process a core.
Tried and no faster (JAX 0.10.2, one core with AVX-512): lax.scan over a fixed number of steps for fori_loop (the same
time a step, and a compilation for each number of steps), the generators rbg and unsafe_rbg (five times as long a normal
on a CPU), a barrier behind the draws, products under lax.map in place of batched ones (1.4 to 1.8 times as long).
"""
import argparse
import json
import math
import multiprocessing
import os
import time

import numpy as np

N, D, H, BATCH, KEPT, STEPS, RATE = 16, 32, 32, 128, 512, 6000, 0.3


def schedule():
    growing = (20 * 1.02**i for i in range(1000))
    return sorted({*range(0, STEPS + 1, 25), *(math.floor(s + 0.5) for s in growing if s < STEPS + 0.5)})


def start(random, runs):
    """Weights of all runs and their kept prompts (as `draw` below), by NumPy: nothing to compile."""
    def uniform(*shape):
        return random.uniform(-1, 1, (runs, *shape)).astype(np.float32) / np.float32(math.sqrt(D))  # D = H: one fan-in
    weights = [uniform(D, H), uniform(H), uniform(H, H), uniform(H), uniform(H), uniform(),
               random.standard_normal(runs, np.float32), np.zeros(runs, np.float32)]
    x = random.standard_normal((runs, KEPT, D), np.float32) / np.float32(math.sqrt(D))
    square = (x * x).sum(-1)
    s = random.standard_normal((runs, KEPT, N), np.float32) * np.sqrt(square / np.float32(D))[..., None]
    s[..., 0] = square
    labels = random.integers(2, size=(runs, KEPT, N), dtype=np.int8).astype(np.float32) * 2 - 1
    return weights, [x, s, labels]


def train(runs, size, seed, random, threads):
    """First evaluation above 0.95 of each run, infinite if none; seconds of compilation."""
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_platforms", "cpu")
    begin = time.perf_counter()

    def draw(key, count):
        """x (R, P, D), overlaps s (R, P, N) with the copy first, labels (R, P, N)."""
        numbers, signs = jax.random.split(key)
        normals = jax.random.normal(numbers, (count, BATCH, D + N))
        x = normals[..., :D] * (1 / math.sqrt(D))
        square = jnp.sum(x * x, -1, keepdims=True)
        s = jnp.where(jnp.arange(N) == 0, square, normals[..., D:] * jnp.sqrt(square * (1 / D)))
        bits = jax.random.bits(signs, (count, BATCH, 1), jnp.uint16)
        labels = ((bits >> jnp.arange(N, dtype=jnp.uint16)) & 1).astype(jnp.float32) * 2 - 1
        return x, s, labels

    def margin(weights, x, s, labels):
        """y z of the prompts of one run."""
        W1, b1, W2, b2, W3, b3, beta, w = weights
        h = jax.nn.relu(jax.nn.relu(x @ W1 + b1) @ W2 + b2)
        m = jnp.sum(jax.nn.softmax(beta * s, -1) * labels, -1)
        return labels[..., 0] * (jnp.sum(h * W3, -1) + b3 + w * m)

    def loss(weights, *prompts):
        return jnp.mean(jax.nn.softplus(-margin(weights, *prompts)))

    @jax.jit
    def advance(weights, kept, key, steps):
        """The weights and the accuracies `steps` later."""
        def step(i, weights):
            prompts = draw(jax.random.fold_in(key, i), len(weights[6]))
            gradient = jax.vmap(jax.grad(loss))(weights, *prompts)
            return [v - RATE * g for v, g in zip(weights, gradient)]
        weights = jax.lax.fori_loop(0, steps, step, weights)
        return weights, jnp.mean(jax.vmap(margin)(weights, *kept) > 0, -1)

    def chunks_of(members, weights, kept):
        """Chunks of three sizes, filled up with copies: who they are (-1: nobody), weights, kept prompts."""
        chunks, begin = [], 0
        while begin < len(members):
            left = len(members) - begin
            count = next((c for c in sizes if c <= left), sizes[-1])
            rows = np.arange(begin, begin + count)
            take = np.minimum(rows, len(members) - 1)
            who = np.where(rows < len(members), members[take], -1)
            chunks.append([who, [v[take] for v in weights], [jnp.asarray(v[take]) for v in kept]])
            begin += count
        return chunks

    def joined(chunks):
        whom = [who >= 0 for who, _, _ in chunks]
        gather = lambda lists: [np.concatenate([np.asarray(v)[on] for v, on in zip(vs, whom)]) for vs in zip(*lists)]
        return (np.concatenate([who[on] for (who, _, _), on in zip(chunks, whom)]),
                gather([weights for _, weights, _ in chunks]), gather([kept for _, _, kept in chunks]))

    sizes = sorted({size, max(size // 4, 1), max(size // 16, 1)}, reverse=True)
    key = jax.random.key(seed, impl=random)
    weights, kept = start(np.random.default_rng(seed), runs)
    for count in sizes:
        jax.block_until_ready(advance([v[np.zeros(count, int)] for v in weights],
                                      [v[np.zeros(count, int)] for v in kept], key, 0))
    compilation = time.perf_counter() - begin

    passed = np.full(runs, np.inf)
    chunks = chunks_of(np.arange(runs), weights, kept)
    calls, at = 0, 0
    for due in schedule():
        reached = []
        for chunk in chunks:
            calls += 1
            chunk[1], accuracy = advance(chunk[1], chunk[2], jax.random.fold_in(key, calls), due - at)
            reached.append(accuracy)
        at = due
        for chunk, accuracy in zip(chunks, map(np.asarray, reached)):
            who = chunk[0]
            first = who[(accuracy > 0.95) & (who >= 0)]
            passed[first] = np.minimum(passed[first], due)
            chunk[0] = np.where(accuracy > 0.97, -1, who)
        alive = sum(np.count_nonzero(who >= 0) for who, _, _ in chunks)
        if alive == 0:
            break
        slots = sum(len(who) for who, _, _ in chunks)
        if slots - sizes[-1] * -(-alive // sizes[-1]) > slots // 8:  # more often, the copies cost more than the slots
            chunks = chunks_of(*joined(chunks))
    return passed.tolist(), compilation, time.perf_counter() - begin, jax.__version__


def work(task):
    return train(*task)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--chunk", type=int, default=32)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="1, or 0 for XLA's own choice")
    parser.add_argument("--random", default="threefry2x32", choices=["threefry2x32", "rbg", "unsafe_rbg"])
    options = parser.parse_args()

    shares = [options.runs * (i + 1) // options.processes - options.runs * i // options.processes
              for i in range(options.processes)]
    tasks = [(share, options.chunk, seed, options.random, options.threads) for seed, share in enumerate(shares)]
    if options.processes == 1:
        results = [work(tasks[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
            results = pool.map(work, tasks, chunksize=1)
    passed = np.array(sum((result[0] for result in results), []))
    acquired = passed[np.isfinite(passed)]
    print(json.dumps({
        "seconds": max(result[2] for result in results), "compilation": max(result[1] for result in results),
        "runs": options.runs, "median": float(np.median(passed)), "mean": float(acquired.mean()),
        "max": float(acquired.max()), "acquired": len(acquired) / len(passed), "version": results[0][3],
        "chunk": options.chunk, "processes": options.processes, "threads": options.threads,
        "random": options.random}))


if __name__ == "__main__":
    main()
