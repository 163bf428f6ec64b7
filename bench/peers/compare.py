"""ICLab's workloads beside PyTorch's and JAX's: agreement, then speed in turns, medians, spread, ratios.

Started by scripts/bench-peers, whose Python this is: it has JAX and PyPI's PyTorch; /usr/bin/python3 has Debian's.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import example

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
import measure  # noqa: E402
from measure import ICLAB  # noqa: E402

PYTHONS = {"torch (Debian)": "/usr/bin/python3", "torch (PyPI)": sys.executable, "JAX": sys.executable}
PEERS = list(PYTHONS)
CLOSE, MOST = 0.8, 3  # after the first round: ways within 80 % of a peer's fastest, three at most

# ICLab's name: the peers' names, the cheapest algebra first, then as a user writes it.
FORMS = {"W1": ["W1"], "W2": ["W2", "W2full"], "W2-b8": ["W2@8"], "W3": ["W3r", "W3"], "W3-b8": ["W3r@8"],
         "W4": ["W4"], "W2-statistics": ["W2"], "garg": ["Garg"]}
NO_BATCH = ["W2-statistics", "garg"]  # it draws no prompts, which is the point; it is W4 at another size
TORCH_WAYS = ["eager", "eager+foreach", "script", "batched", "batched+foreach", "vmap"]
COMPILE_WAYS = ["eager+fused", "batched+fused", "compile+fused", "compile-batched+fused"]
JAX_WAYS = ["jit", "scan", "vmap", "vmap-scan", "vmap-scan --replicas 4", "scan --fast-math", "vmap-scan --fast-math"]
SLOW_WAYS = {"torch": ["eager"], "jax": ["jit"]}  # garg takes seconds a step


def script(peer):
    return HERE / ("jax_workloads.py" if peer == "JAX" else "torch_workloads.py")


def started(command, cores):
    """A process pinned to these cores."""
    pinned = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    # The same number of threads for every library that asks the environment.
    environment = os.environ | {name: str(len(cores)) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                                                   "MKL_NUM_THREADS")}
    return subprocess.Popen(pinned, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def result(process):
    """Its JSON; None and a line on stderr if it fails."""
    out, error = process.communicate()
    if process.returncode == 0:
        return json.loads(out)
    last = (error.strip().splitlines() or ["no message"])[-1]
    print(f"  failed: {' '.join(process.args[3:])}: {last[:200]}", file=sys.stderr)
    return None


class Bench:
    def __init__(self, options):
        self.options = options
        self.all_cores = sorted(os.sched_getaffinity(0))
        self.core = self.all_cores[-1] if options.core is None else options.core
        self.facts, self.iclab = {}, {}  # a library's version and BLAS; ICLab's layout, fraction of peak
        self.agreement, self.machine = {}, {}
        self.speeds = {"one core": {}, "all cores": {}}  # mode -> workload -> side -> way -> [steps/s]
        self.only = re.compile(options.ways)
        self.begin, self.done = time.time(), 0

    def progress(self, text):
        self.done += 1
        print(f"{time.time() - self.begin:7.0f} s  {self.done:4d}  {text}", file=sys.stderr, flush=True)

    # ---- agreement ----

    def check(self):
        """Every peer's loss and gradients, by every algebra, beside ICLab's; ends the program if one differs."""
        with tempfile.TemporaryDirectory() as folder:
            for name in self.options.workloads:
                if name in NO_BATCH:
                    continue
                file = pathlib.Path(folder) / f"{name}.safetensors"
                subprocess.run([ICLAB, "bench", name, "--example", file], check=True, stdout=subprocess.DEVNULL)
                for peer in PEERS:
                    settings = [[], ["--fast-math"]] if peer == "JAX" else [[]]
                    worst = max(self.difference(peer, form, file, more)
                                for form in FORMS[name] for more in settings)
                    self.agreement.setdefault(name, {})[peer] = worst
                    self.progress(f"{name} {peer}: loss and gradients within {worst:.1e} of ICLab's")

    def difference(self, peer, form, file, more):
        found = result(started([PYTHONS[peer], script(peer), form, "--agree", file, *more], self.all_cores))
        if found is None:
            raise SystemExit(f"{peer}: {form} cannot be compared with ICLab")
        far = {f"{way}, {weight}": d for way, each in found.items() for weight, d in each.items()}
        for what, distance in far.items():
            if not distance <= example.TOLERANCE:  # nor if it is no number
                raise SystemExit(f"{peer}: {form} differs from ICLab by {distance:.1e} ({what}); accepted is "
                                 f"{example.TOLERANCE:g}: no speeds are compared")
        return max(far.values())

    # ---- speed ----

    def ways(self, peer, name):
        kind = "jax" if peer == "JAX" else "torch"
        if name == "garg":
            return [f"{FORMS[name][0]} {way}" for way in SLOW_WAYS[kind]]
        every = JAX_WAYS if kind == "jax" else TORCH_WAYS + (COMPILE_WAYS if self.compiles(peer) else [])
        written = ["scan", "vmap-scan"] if kind == "jax" else ["eager", "batched"]
        first, *rest = FORMS[name]
        all_ways = [f"{first} {way}" for way in every] + [f"{form} {way}" for form in rest for way in written]
        return [way for way in all_ways if self.only.fullmatch(way.split(maxsplit=1)[1])]

    def compiles(self, peer):
        facts = result(started([PYTHONS[peer], script(peer), "--list"], self.all_cores))
        if facts is None:
            raise SystemExit(f"{PYTHONS[peer]} has no torch; scripts/bench-peers installs it")
        if facts["blas"] == "reference":
            raise SystemExit(f"{peer} has only the reference BLAS; apt-get install libopenblas0-pthread")
        return "compile" in facts["ways"]

    def command(self, side, way, name, threads):
        if side == "ICLab":
            return [ICLAB, "bench", name, "--json", "--threads", threads, "--seconds", self.options.seconds]
        threads = [] if side == "JAX" else ["--threads", threads]
        return [PYTHONS[side], script(side), *way.split(), "--seconds", self.options.seconds, *threads]

    def steps(self, side, name, found):
        if found is None:
            return None
        if side != "ICLab":
            self.facts[side] = {key: found[key] for key in ("library", "blas")}
            return found["steps"]
        self.machine = found["machine"]
        facts = found["workloads"][0]
        self.iclab.setdefault(name, facts)
        return facts["model_steps_per_second"]

    def measure(self, mode, side, name, way):
        """Adds one measurement. `way` of all cores ends with how they are shared."""
        plain, _, shared = way.partition(" | ")
        if mode == "one core":
            found = [self.steps(side, name, result(started(self.command(side, plain, name, 1), [self.core])))]
        elif shared == "threads":
            count = len(self.all_cores)
            found = [self.steps(side, name, result(started(self.command(side, plain, name, count), self.all_cores)))]
        else:  # a process a core, all at once
            running = [started(self.command(side, plain, name, 1), [core]) for core in self.all_cores]
            found = [self.steps(side, name, result(process)) for process in running]
        if None in found:
            return
        self.speeds[mode].setdefault(name, {}).setdefault(side, {}).setdefault(way, []).append(sum(found))
        self.progress(f"{mode}: {name} {side} {way}: {sum(found):,.1f} steps/s")

    def run(self, mode, ways):
        """All sides in turns, `rounds` times; `ways`: (side, name) -> ways."""
        for round_ in range(self.options.rounds):
            for name in self.options.workloads:
                for side in ["ICLab", *PEERS]:
                    for way in ways[side, name]:
                        self.measure(mode, side, name, way)
            if round_ == 0:
                ways = {key: self.fast(mode, *key) for key in ways}
        return ways

    def fast(self, mode, side, name):
        speeds = self.speeds[mode].get(name, {}).get(side, {})
        ordered = sorted(speeds, key=lambda way: -statistics.median(speeds[way]))[:MOST]
        if not ordered:
            raise SystemExit(f"{side} has no way to run {name}")
        return [way for way in ordered if speeds[way][0] >= CLOSE * speeds[ordered[0]][0]]

    def run_all(self):
        names = self.options.workloads
        if not self.options.all_cores:
            self.run("one core", {(side, name): [name] if side == "ICLab" else self.ways(side, name)
                                  for side in ["ICLab", *PEERS] for name in names})
            self.write()
        if self.options.one_core or len(self.all_cores) == 1:
            return
        # The way that is fastest on one core, and one model by threads, which may suit many cores better.
        ways = {}
        for side in ["ICLab", *PEERS]:
            for name in names:
                fastest = self.best("one core", name, side)[0]
                plain = {"ICLab": name, "JAX": f"{FORMS[name][0]} scan"}.get(side, f"{FORMS[name][0]} eager")
                ways[side, name] = list(dict.fromkeys(
                    [f"{fastest} | processes", f"{fastest} | threads", f"{plain} | threads"]))
        self.run("all cores", ways)
        self.write()

    # ---- results ----

    def best(self, mode, name, side):
        """(way, its measurements) with the highest median, of the ways measured in every round."""
        speeds = self.speeds[mode][name][side]
        most = max(map(len, speeds.values()))
        speeds = {way: values for way, values in speeds.items() if len(values) == most}
        way = max(speeds, key=lambda key: statistics.median(speeds[key]))
        return way, speeds[way]

    def ratios(self, mode):
        median = lambda name, side: statistics.median(self.best(mode, name, side)[1])  # noqa: E731
        return {name: {peer: median(name, "ICLab") / median(name, peer) for peer in PEERS}
                for name in self.speeds[mode]}

    def file(self):
        return self.options.out / f"{measure.machine_name(self.machine)}.json"

    def read(self):
        """What an earlier run measured on one core."""
        found = json.loads(subprocess.run([ICLAB, "bench", "W2-b8", "--json", "--seconds", "0.1"], check=True,
                                          capture_output=True, text=True).stdout)
        self.machine = found["machine"]
        if not self.file().exists():
            raise SystemExit(f"{self.file()} is not there: without --all-cores one core is measured first")
        self.keep_earlier()

    def write(self):
        self.options.out.mkdir(parents=True, exist_ok=True)
        self.keep_earlier()
        self.file().write_text(json.dumps(self.json(), indent=1) + "\n")
        self.file().with_suffix(".md").write_text(self.markdown())
        print(f"written: {self.file()} and .md", file=sys.stderr)

    def keep_earlier(self):
        """What an earlier run measured of workloads that this one did not."""
        if not self.file().exists():
            return
        earlier = json.loads(self.file().read_text())
        for mode in self.speeds:
            known = earlier.get(mode.replace(" ", "_"), {}).get("steps_per_second", {})
            self.speeds[mode] = {**known, **self.speeds[mode]}
        self.agreement = {**earlier["agreement"], **self.agreement}
        self.iclab = {**earlier["iclab"], **self.iclab}
        self.facts = {**earlier["libraries"], **self.facts}

    def json(self):
        return {"machine": {**self.machine, "cores": len(self.all_cores)},
                "date": time.strftime("%Y-%m-%d"),
                "libraries": self.facts, "agreement": self.agreement, "iclab": self.iclab,
                **{mode.replace(" ", "_"): {"steps_per_second": self.speeds[mode], "ratios": self.ratios(mode)}
                   for mode in self.speeds if self.speeds[mode]}}

    def markdown(self):
        m = self.machine
        libraries = "; ".join(f"{side}: {f['library']}, {f['blas']}" for side, f in self.facts.items())
        lines = [f"{m['processor']}, {m['instructions']}, {len(self.all_cores)} cores, fma peak "
                 f"{m['peak_gflops_per_core']:.0f} GFLOP/s a core; ICLab {m['version']}; {libraries}.",
                 "Model-steps a second: median (least .. greatest) over rounds in turns, each side by its fastest way; "
                 "in brackets how many times as fast ICLab is."]
        for mode, speeds in self.speeds.items():
            if not speeds:
                continue
            ratios = self.ratios(mode)
            rounds = min(len(self.best(mode, name, "ICLab")[1]) for name in speeds)
            lines += ["", f"**{mode.capitalize()}**, {rounds} rounds", "",
                      "| workload | ICLab | of the fma peak | " + " | ".join(PEERS) + " | to the fastest |",
                      "| --- " * (len(PEERS) + 4) + "|"]
            for name in sorted(speeds, key=list(FORMS).index):
                way, values = self.best(mode, name, "ICLab")
                gflops = statistics.median(values) * self.iclab[name]["megaflops_per_step"] * 1e-3
                peak = f"{gflops / m['peak_gflops_per_core']:.0%}" if mode == "one core" else "-"
                cells = [name, spread(values) + (f" {way.split(' | ')[1]}" if " | " in way else ""), peak]
                for peer in PEERS:
                    way, values = self.best(mode, name, peer)
                    cells.append(f"{spread(values)} `{way.replace(' | ', ', ')}` [{ratios[name][peer]:.1f}]")
                lines.append("| " + " | ".join([*cells, f"**{min(ratios[name].values()):.1f}**"]) + " |")
        return "\n".join(lines) + "\n"


def spread(values):
    digits = 0 if min(values) >= 100 else 1 if min(values) >= 10 else 3
    middle, least, most = (f"{v:,.{digits}f}" for v in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({least} .. {most})" if len(values) > 1 else middle


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD",
                        help=f"of {', '.join(FORMS)} (default: all but garg)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each peer's measurement")
    parser.add_argument("--quick", action="store_true", help="one round of half a second")
    parser.add_argument("--one-core", action="store_true", help="not all cores")
    parser.add_argument("--all-cores", action="store_true", help="all cores alone, after a run of one core")
    parser.add_argument("--ways", default=".*", help="only the peers' ways that match this expression")
    parser.add_argument("--core", type=int, help="which one is the one (default: the last)")
    parser.add_argument("--out", type=pathlib.Path, default=measure.RESULTS)
    options = parser.parse_args()
    unknown = set(options.workloads) - set(FORMS)
    if unknown:
        parser.error(f"unknown workload {', '.join(sorted(unknown))}; accepted are {', '.join(FORMS)}")
    cores = sorted(os.sched_getaffinity(0))
    if options.core is not None and options.core not in cores:
        parser.error(f"--core: found {options.core}, accepted are {', '.join(map(str, cores))}")
    if options.rounds < 1:
        parser.error(f"--rounds: found {options.rounds}, accepted is 1 or more")
    options.workloads = options.workloads or [name for name in FORMS if name != "garg"]
    if options.quick:
        options.rounds, options.seconds = 1, 0.5

    bench = Bench(options)
    if options.all_cores:
        bench.read()
    else:
        bench.check()
    bench.run_all()
    print(bench.markdown())


if __name__ == "__main__":
    main()
