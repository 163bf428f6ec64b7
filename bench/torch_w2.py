"""Workload W2 in PyTorch, as an expert writes it: query-only algebra, prompts drawn in bulk.

Usage: python3 torch_w2.py [--batch 256] [--seconds 3]
Prints one JSON object: model-steps per second, for one model and for 16 models in one set of tensors
(the faster counts), one thread. The opponent of bench/compare_w2.py.
"""
import argparse
import json
import time

import torch

DIM, CONTEXT = 20, 40


def draw(prefix, batch):
    """Tokens (..., batch, n+1, d+1), the query last with label 0, and targets (..., batch)."""
    x = torch.randn(prefix + (batch, CONTEXT + 1, DIM))
    w = torch.randn(prefix + (batch, DIM, 1))
    y = torch.matmul(x, w)
    target = y[..., -1, 0].clone()
    y[..., -1, 0] = 0
    return torch.cat([x, y], -1), target


def linear(x, weight):
    """x (B, in), weight (out, in); or with replicas in front of both."""
    if weight.dim() == 2:
        return torch.nn.functional.linear(x, weight)
    return torch.bmm(x, weight.transpose(1, 2))


def loss_of(w_pv, w_kq, tokens, target):
    key_query = linear(tokens[..., -1, :], w_kq)
    scores = torch.matmul(tokens, key_query.unsqueeze(-1)) / CONTEXT
    value = torch.matmul(tokens.transpose(-1, -2), scores).squeeze(-1)
    return ((linear(value, w_pv)[..., -1] - target) ** 2).mean(-1)


def steps_per_second(replicas, batch, seconds):
    prefix = (replicas,) if replicas > 1 else ()
    weights = [torch.randn(prefix + (DIM + 1, DIM + 1)).mul_(0.1).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.SGD(weights, lr=1e-3)

    def step():
        loss = loss_of(*weights, *draw(prefix, batch)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    times.sort()
    return replicas / times[len(times) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    result = {"torch": torch.__version__,
              "one_model": steps_per_second(1, options.batch, options.seconds),
              "sixteen_models": steps_per_second(16, options.batch, options.seconds)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
