"""ICLab's workloads beside PyTorch's, in turns on one pinned core: medians, spread, ratios.

Usage: python3 bench/compare.py [W1 W2 ...] [--rounds 3] [--core 0] [--python /usr/bin/python3] [--json]
Needs build/release/bin/iclab and, for the opponent's Python, torch with a fast BLAS (Debian: python3-torch,
libopenblas0-pthread; without it torch takes the reference BLAS and is 10 times slower: refused). ICLab trains through
the generic path (`iclab bench`: study file, program, planner, executor); each opponent is the fastest of PyTorch's
ways (bench/peers/torch_workloads.py): one model eagerly, one model by TorchScript, 16 models in one batch.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each workload meets: (name in torch_workloads.py, ways).
PEERS = {
    "W1": [("W1", "eager"), ("W1", "script"), ("W1", "batched")],
    "W2": [("W2full", "eager"), ("W2full", "batched"), ("W2", "eager"), ("W2", "batched")],
    "W2-b8": [("W2@8", "eager"), ("W2@8", "batched")],
    "W3": [("W3", "eager"), ("W3", "batched"), ("W3r", "eager"), ("W3r", "batched")],
    "W3-b8": [("W3r@8", "eager"), ("W3r@8", "batched")],
    "W4": [("W4", "eager"), ("W4", "batched")],
    "garg": [("Garg", "eager")],
}


def on_core(core, command):
    done = subprocess.run(["taskset", "-c", str(core), *map(str, command)], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def spread(values):
    digits = 1 if min(values) >= 10 else 3
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} .. {max(values):,.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    ours, theirs, facts = {}, {}, {}
    for _ in range(options.rounds):
        for name in options.workloads:
            found = on_core(options.core, [ROOT / "build/release/bin/iclab", "bench", name, "--json"])
            ours.setdefault(name, []).append(found["workloads"][0]["model_steps_per_second"])
            facts["machine"], facts[name] = found["machine"], found["workloads"][0]
            for peer, way in PEERS[name]:
                speed = on_core(options.core, [options.python, ROOT / "bench/peers/torch_workloads.py",
                                               peer, way])
                if speed["blas"] == "reference":
                    raise SystemExit("torch has only the reference BLAS; install libopenblas0-pthread")
                facts["torch"] = f"{speed['torch']} with {speed['blas']}"
                theirs.setdefault(name, {}).setdefault(f"{peer} {way}", []).append(speed["steps"])

    ratios = {name: statistics.median(ours[name]) /
              max(statistics.median(v) for v in theirs[name].values()) for name in ours}
    if options.json:
        print(json.dumps({"facts": facts, "iclab": ours, "torch": theirs, "ratios": ratios}, indent=1))
        return
    print(f"{facts['machine']['processor']}, {facts['machine']['instructions']}, one core, "
          f"{options.rounds} rounds in turns, torch {facts['torch']}\n")
    print("| workload | ICLab, model-steps/s | of the fma peak | PyTorch's best | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name in ours:
        best = max(theirs[name], key=lambda way: statistics.median(theirs[name][way]))
        print(f"| {name} | {spread(ours[name])} | {facts[name]['fraction_of_peak']:.0%} | "
              f"{best}: {spread(theirs[name][best])} | {ratios[name]:.1f} |")


if __name__ == "__main__":
    main()
