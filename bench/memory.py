"""Peak resident memory: of each workload, against runs that wait, and against steps.

Usage: scripts/bench-memory [--quick]     (builds first)
Writes bench/results/MACHINE-memory.json and the table in docs/performance.md, and prints it. Memory must grow neither with runs nor with steps: exits
with 1 if 10,000 waiting runs take more than 1 kB each beyond what is bounded, or longer runs more than a megabyte.
Needs GNU time, whose own memory is small: the kernel counts a child's memory before it becomes `iclab`.
"""
import argparse
import tempfile

import measure

WORKLOADS = ["W1", "W2", "W2-statistics", "W2-b8", "W3", "W3-b8", "W4", "garg"]
SMALL = "W2-b8"                     # 126 kB a running run
RUNS = [1, 100, 1000, 3000, 10_000]
STEPS = [10, 100, 1000, 10_000, 100_000]
MOST_KILOBYTES_A_RUN = 1.0
MOST_GROWTH_WITH_STEPS = 1.0        # MB


def peak_megabytes(workload, runs, steps, threads=1):
    """Of `iclab run`, in MB of 10^6 bytes."""
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("r") as report:
        overrides = {"study.seeds": runs, "train.steps": steps}
        measure.run(["/usr/bin/time", "--format=%M", f"--output={report.name}", measure.ICLAB, "run",
                     measure.ROOT / f"src/cli/workloads/{workload}.toml", "--out", folder, "--threads", threads,
                     *measure.settings(overrides)], measure.CORES[:threads])
        return int(report.read()) * 1024e-6


def measured(label, workload, runs, steps):
    megabytes = peak_megabytes(workload, runs, steps)
    measure.say(f"{label}: {megabytes:.1f} MB")
    return {"workload": workload, "runs": runs, "steps": steps, "megabytes": megabytes}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer points, under a minute; nothing is written")
    quick = parser.parse_args().quick

    machine, _ = measure.bench([SMALL], seconds=0.1)
    workloads = [measured(name, name, 1, 2 if name == "garg" else 10)
                 for name in (WORKLOADS[:-2] if quick else WORKLOADS)]
    runs = [measured(f"{n} runs of {SMALL}", SMALL, n, 1) for n in (RUNS[:-1] if quick else RUNS)]
    steps = [measured(f"{n} steps of {SMALL}", SMALL, 4, n) for n in (STEPS[:-1] if quick else STEPS)]

    # From 3,000 runs on, what waits to be written has reached its bound.
    a_run = (runs[-1]["megabytes"] - runs[-2]["megabytes"]) / (runs[-1]["runs"] - runs[-2]["runs"]) * 1e3
    with_steps = steps[-1]["megabytes"] - steps[0]["megabytes"]

    lines = ["| peak resident memory of `iclab run` | MB |", "| --- | --- |"]
    lines += [f"| {one['workload']}, one run | {one['megabytes']:.1f} |" for one in workloads]
    lines += [f"| {SMALL}, {one['runs']:,} runs of one step | {one['megabytes']:.1f} |" for one in runs]
    lines += [f"| {SMALL}, 4 runs of {one['steps']:,} steps | {one['megabytes']:.1f} |" for one in steps]
    lines += ["", f"A waiting run takes {a_run:.2f} kB; from {steps[0]['steps']} to {steps[-1]['steps']:,} steps memory "
                  f"grows by {with_steps:.1f} MB."]
    text = "\n".join(lines)
    print(text)
    if not quick:
        facts = measure.facts(machine)
        measure.write_json(measure.RESULTS / f"{measure.machine_name(machine)}-memory.json",
                           {"machine": facts, "workloads": workloads, "runs": runs, "steps": steps,
                            "kilobytes_a_waiting_run": a_run})
        measure.write_docs("memory.py", f"{measure.title(facts)}\n{text}")
        if a_run > MOST_KILOBYTES_A_RUN or with_steps > MOST_GROWTH_WITH_STEPS:
            raise SystemExit("memory grows")


if __name__ == "__main__":
    main()
