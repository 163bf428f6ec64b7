"""Compares the speed of the workloads with this machine's stored baseline, as fractions of the measured fma peak.

Usage: scripts/bench-check [--quick] [--store]     (builds first)
Names what fell by more than 10 % and which part of its step takes longer; exits with 1 if anything fell. --store writes
the baseline, bench/results/MACHINE-baseline.json, instead. Flops are the baseline's, so that fewer flops for the same
step count as speed. One pinned core; the best of three rounds, as others can only slow it down.
"""
import argparse
import json

import measure

WORKLOADS = ["W1", "W2", "W2-statistics", "W2-b8", "W3", "W3-b8", "W4"]
MOST_FALL = 0.10


def best_of(rounds, seconds):
    """The machine with its best peak, and of each workload its fastest measurement by name."""
    peak, speeds = 0, {}
    for number in range(rounds):
        measure.say(f"round {number + 1} of {rounds} ...")
        machine, workloads = measure.bench(WORKLOADS, seconds=seconds)
        peak = max(peak, machine["peak_gflops_per_core"])
        for one in workloads:
            known = speeds.get(one["name"])
            if not known or one["model_steps_per_second"] > known["model_steps_per_second"]:
                speeds[one["name"]] = one
    machine["peak_gflops_per_core"] = peak
    return machine, speeds


def fraction(one, peak, megaflops):
    return one["model_steps_per_second"] * megaflops * 1e-3 / peak


def slowest_part(now, before, peak_now, peak_before):
    """The part of a step whose time, in flops of the peak, grew most: (name, growth of the whole step)."""
    def cost(one, part, peak):
        return one["split"][part] * peak / one["model_steps_per_second"]
    whole = peak_before / before["model_steps_per_second"]
    growth = {part: (cost(now, part, peak_now) - cost(before, part, peak_before)) / whole for part in now["split"]}
    part = max(growth, key=growth.get)
    return part, growth[part]


def compare(machine, speeds, baseline):
    peak, old_peak = machine["peak_gflops_per_core"], baseline["machine"]["peak_gflops_per_core"]
    fell = []
    print("| workload | of the peak, baseline | now | change |\n| --- | --- | --- | --- |")
    for name, old in baseline["workloads"].items():
        if name not in speeds:
            print(f"| {name} | not measured now | | |")
            continue
        before = fraction(old, old_peak, old["megaflops_per_step"])
        now = fraction(speeds[name], peak, old["megaflops_per_step"])
        print(f"| {name} | {before:.1%} | {now:.1%} | {now / before - 1:+.1%} |")
        if now < (1 - MOST_FALL) * before:
            part, growth = slowest_part(speeds[name], old, peak, old_peak)
            fell.append(f"{name} fell by {1 - now / before:.0%}, from {before:.1%} to {now:.1%} of the peak; {part} grew most, "
                        f"by {growth:.0%} of the former step")
    for name in speeds:
        if name not in baseline["workloads"]:
            print(f"| {name} | not in the baseline | | |")
    print(f"\nbaseline of {baseline['machine']['date']}, commit {baseline['machine']['commit']}")
    return fell


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round: rough")
    parser.add_argument("--store", action="store_true", help="write the baseline")
    options = parser.parse_args()

    machine, _ = measure.bench(["W2-b8"], seconds=0.05)
    file = measure.RESULTS / f"{measure.machine_name(machine)}-baseline.json"
    if not options.store and not file.exists():
        others = sorted(path.name.removesuffix("-baseline.json") for path in measure.RESULTS.glob("*-baseline.json"))
        raise SystemExit(f"no baseline of this machine: {file.relative_to(measure.ROOT)} is missing; there are baselines "
                         f"of: {', '.join(others) or 'none'}\nscripts/bench-check --store writes it")
    machine, speeds = best_of(1, 0.2) if options.quick else best_of(3, 2)
    if options.store:
        measure.write_json(file, {"machine": measure.facts(machine), "workloads": speeds})
        return
    fell = compare(machine, speeds, json.loads(file.read_text()))
    if fell:
        raise SystemExit("\n".join(fell))


if __name__ == "__main__":
    main()
