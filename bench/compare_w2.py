"""W2 by ICLab and by PyTorch, in turns on one pinned core: medians, spread and the ratio.

Usage: python3 bench/compare_w2.py [--rounds 5] [--core 0] [--python /usr/bin/python3] [--markdown]
Needs build/release/bin/iclab and, for the opponent's Python, torch (Debian: python3-torch).
ICLab runs bench/studies/w2.toml through `iclab run`: the generic path, every prompt drawn.
"""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(core, command):
    done = subprocess.run(["taskset", "-c", str(core), *map(str, command)], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def iclab_speed(core, sets):
    with tempfile.TemporaryDirectory() as out:
        summary = run(core, [ROOT / "build/release/bin/iclab", "run", ROOT / "bench/studies/w2.toml",
                             "--threads", 1, "--out", out, "--json", *sets])
    return summary["steps"] / summary["seconds"]


def spread(values):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} .. {max(values):,.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    speeds = {"ICLab": [], "ICLab, statistics sampler": [], "PyTorch, one model": [],
              "PyTorch, 16 models in one batch": []}
    for _ in range(options.rounds):
        speeds["ICLab"].append(iclab_speed(options.core, []))
        torch = run(options.core, [options.python, ROOT / "bench/torch_w2.py"])
        speeds["PyTorch, one model"].append(torch["one_model"])
        speeds["PyTorch, 16 models in one batch"].append(torch["sixteen_models"])
        speeds["ICLab, statistics sampler"].append(
            iclab_speed(options.core, ["--set", "task.sampler='statistics'", "--set",
                                       "model.form='factored'", "--set", "train.steps=200000"]))

    best = max(statistics.median(v) for k, v in speeds.items() if k.startswith("PyTorch"))
    ratio = statistics.median(speeds["ICLab"]) / best
    if options.json:
        print(json.dumps({"torch": torch["torch"], "speeds": speeds, "ratio": ratio}))
        return
    print(f"W2 (batch 256), one core, {options.rounds} rounds in turns; torch {torch['torch']}, "
          f"{platform.machine()}")
    print("| | model-steps/s: median (min .. max) |\n|---|---|")
    for name, values in speeds.items():
        print(f"| {name} | {spread(values)} |")
    print(f"\nICLab / best PyTorch = {ratio:.1f}")


if __name__ == "__main__":
    main()
