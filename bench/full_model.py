"""The full model of arXiv 2412.00104 (its figure 2d, a run of 469 steps an epoch): ICLab beside PyTorch, in turns on one core.

Usage: python3 bench/full_model.py --python PYTHON [--rounds 3] [--epochs 5] [--core N] [--only REGEX]
Needs build/release/bin/iclab; PYTHON has PyPI's torch, /usr/bin/python3 Debian's. First every way of
bench/peers/full_model_torch.py computes loss and gradients of a batch that ICLab wrote; one that differs by more than
1e-5 ends the program. Then each round runs each way once. ICLab's is the study of the figure for so many epochs:
`iclab run`, with its start, both evaluations an epoch and the store on disk. Writes
bench/results/MACHINE-full-model.json and prints a Markdown table.
"""
import argparse
import json
import re
import statistics
import tempfile
import time

import measure
from measure import ICLAB, ROOT

STUDY = ROOT / "src/papers/differential-kinetics/full/figure-2d.toml"
PEER = ROOT / "bench/peers/full_model_torch.py"
EPOCH, TOLERANCE = 469, 1e-5
# Way: its arguments, and steps to measure.
WAYS = {"script": ([], 30), "batched": ([], 60), "query": ([], 100), "cheap": ([], 150), "table": ([], 300),
        "table, compile": (["--compile", "--fused"], 300)}


def iclab(epochs, core):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        measure.run([ICLAB, "run", STUDY, "--set", "study.seeds=1", "--set", f"train.steps={EPOCH * epochs}",
                     "--threads", 1, "--out", folder, "--json"], [core])
        seconds = time.perf_counter() - begin
    return EPOCH * epochs / seconds


def peer(python, way, core, more=()):
    arguments, steps = WAYS[way]
    found = measure.run([python, PEER, way.split(",")[0], *arguments, "--steps", steps, *more], [core])
    return json.loads(found)


def check(pythons, core):
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        measure.run([ICLAB, "bench", "--study", STUDY, "--example", file.name], [core])
        for name, python in pythons.items():
            for more in ([], ["--compile"]) if name == "PyPI" else ([],):
                found = peer(python, "script", core, ["--agree", file.name, *more])["result"]
                for way, differences in found.items():
                    weight, worst = max(differences.items(), key=lambda pair: pair[1])
                    if not worst <= TOLERANCE:
                        raise SystemExit(f"{name}, {way} {more}: differs by {worst:.1e} in {weight}; accepted is {TOLERANCE:g}")
                worst = max(max(differences.values()) for differences in found.values())
                measure.say(f"torch of {name} {' '.join(more)}: loss and gradients of every way within {worst:.1e}")


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} .. {max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--core", type=int, default=measure.CORES[-1])
    parser.add_argument("--only", default=".*", help="ways of PyTorch whose name matches")
    options = parser.parse_args()

    pythons = {"Debian": "/usr/bin/python3", "PyPI": options.python}
    check(pythons, options.core)
    ways = {"ICLab": lambda: iclab(options.epochs, options.core)}
    versions = {}

    def measured(name, way):
        found = peer(pythons[name], way, options.core)
        versions[name] = found["version"]
        return found["result"]["steps"]

    for name in pythons:
        for way in WAYS:
            if re.fullmatch(options.only, way) and not (name == "Debian" and "compile" in way):
                ways[f"torch ({name}), {way}"] = lambda name=name, way=way: measured(name, way)
    found = {name: [] for name in ways}
    for number in range(options.rounds):
        for name, way in ways.items():
            found[name].append(way())
            measure.say(f"round {number + 1} of {options.rounds}: {name} {found[name][-1]:.1f} steps/s")

    machine, workloads = measure.bench(["--study", STUDY], seconds=3, cores=[options.core])
    measure.write_json(measure.RESULTS / f"{measure.machine_name(machine)}-full-model.json",
                       {"machine": measure.facts(machine), "torch": versions, "steps_per_second": found,
                        "training alone": workloads[0]})
    ours = statistics.median(found["ICLab"])
    print(f"{machine['processor']}, {machine['instructions']}, one core, {options.rounds} rounds in turns; torch "
          f"{', '.join(f'{name} {version}' for name, version in versions.items())}\n")
    print("| | steps a second | ICLab is faster by |\n| --- | --- | --- |")
    for name, values in found.items():
        print(f"| {name} | {spread(values)} | {ours / statistics.median(values):.1f} |")


if __name__ == "__main__":
    main()
