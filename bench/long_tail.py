"""The long-tail experiment of 1,000 runs: ICLab beside PyTorch and JAX, in turns on all cores. Medians, spread, ratios.

Usage: python3 bench/long_tail.py [--rounds 3] [--runs 1000] [--python PYTHON] [--threads]
Needs build/release/bin/iclab and a Python with torch and jax. Each round runs `iclab run examples/long-tail.toml` and
the scripts of bench/peers, which say what they tried, as one process a core. ICLab's
time is that of the whole command, with start, compilation and the store on disk; the peers' is theirs without
Python's start and imports. Writes bench/results/MACHINE-long-tail.json and prints a Markdown table.
"""
import argparse
import csv
import json
import math
import pathlib
import statistics
import subprocess
import tempfile
import time

import measure
from measure import ICLAB, ROOT


def command(words):
    return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout


def first_passages(series):
    """The first evaluation with accuracy above 0.95 of each seed, infinite if none."""
    passed = {}
    with open(series, newline="") as file:
        for row in csv.DictReader(file):
            if row["series"] != "accuracy":
                continue
            known = passed.setdefault(row["seed"], math.inf)
            if float(row["value"]) > 0.95:
                passed[row["seed"]] = min(known, int(row["step"]))
    return list(passed.values())


def iclab(runs, cores):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        command([ICLAB, "run", ROOT / "examples/long-tail.toml", "--set", f"study.seeds={runs}",
                 "--threads", cores, "--out", folder, "--json"])
        seconds = time.perf_counter() - begin
        command([ICLAB, "export", folder])
        passed = first_passages(pathlib.Path(folder, "export/long-tail/series.csv"))
    acquired = [t for t in passed if math.isfinite(t)]
    version = json.loads(command([ICLAB, "version", "--json"]))
    return {"seconds": seconds, "runs": len(passed), "median": statistics.median(passed),
            "mean": statistics.mean(acquired), "max": max(acquired), "acquired": len(acquired) / len(passed),
            "version": f"{version['version']} ({version['instructions']}, {version['compiler']})"}


def peer(name, python, runs, processes, threads):
    return json.loads(command([python, ROOT / f"bench/peers/long_tail_{name}.py", "--runs", runs,
                               "--processes", processes, "--threads", threads]))


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} .. {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--python", default="python3")
    parser.add_argument("--threads", action="store_true",
                        help="the peers also as one process with threads (PyTorch: 30 s where two processes take 17)")
    options = parser.parse_args()

    cores = len(measure.CORES)
    runs, python = options.runs, options.python
    ways = {"ICLab": lambda: iclab(runs, cores),
            "PyTorch, processes": lambda: peer("torch", python, runs, cores, 1),
            "JAX, processes": lambda: peer("jax", python, runs, cores, 1)}
    if cores > 1 and options.threads:
        ways["PyTorch, threads"] = lambda: peer("torch", python, runs, 1, cores)
        ways["JAX, threads"] = lambda: peer("jax", python, runs, 1, 0)
    found = {name: [] for name in ways}
    for number in range(options.rounds):
        for name, way in ways.items():
            found[name].append(way())
            measure.say(f"round {number + 1} of {options.rounds}: {name} {found[name][-1]['seconds']:.1f} s")

    seconds = {name: [one["seconds"] for one in rounds] for name, rounds in found.items()}
    ours = statistics.median(seconds["ICLab"])
    machine, _ = measure.bench(["W2-b8"], seconds=0.1)
    measure.write_json(measure.RESULTS / f"{measure.machine_name(machine)}-long-tail.json",
                       {"machine": measure.facts(machine), "rounds": found})

    print(f"{machine['processor']}, {machine['instructions']}, {cores} cores, {options.runs} runs, "
          f"{options.rounds} rounds in turns\n")
    print("| | seconds | ICLab is faster by | median t_ICL | mean | greatest | acquired | version |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, rounds in found.items():
        last, ratio = rounds[-1], statistics.median(seconds[name]) / ours
        print(f"| {name} | {spread(seconds[name])} | {ratio:.1f} | {last['median']:.0f} | {last['mean']:.0f} | "
              f"{last['max']:.0f} | {last['acquired']:.3f} | {last['version']} |")
    for name, rounds in found.items():
        if "compilation" in rounds[0]:
            running = [one["seconds"] - one["compilation"] for one in rounds]
            print(f"\n{name}, without compilation: {spread(running)} s, {statistics.median(running) / ours:.1f}.")


if __name__ == "__main__":
    main()
