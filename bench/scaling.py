"""How the time of a step grows with width, tokens, layers, batch, runs and threads: measured, written, drawn.

Usage: scripts/bench-scaling [--quick]     (builds first)
Writes bench/results/MACHINE-scaling.json, docs/scaling-time.svg and docs/scaling-peak.svg, and the table between the
marks in docs/performance.md; --quick takes under a minute, writes into build/scaling/ and leaves docs/ alone.
Two families, W4 (transformer) and W2 (linear attention), each with one setting changed at a time; one pinned core but for
`threads` and `runs`.
"""
import argparse
import json
import math
import shutil
import subprocess
import tempfile
import time

import measure

TRANSFORMER, LINEAR = "transformer (W4)", "linear attention (W2)"
# Axis: (what it counts, [(series, workload, setting, values)]).
AXES = {
    "width": ("width of the model, numbers an example", [
        (TRANSFORMER, "W4", "model.width", [8, 16, 32, 64, 96, 128, 192, 256, 384, 512]),
        (LINEAR, "W2", "task.dim", [8, 16, 32, 64, 128, 256, 512])]),
    "tokens": ("tokens of a prompt", [
        (TRANSFORMER, "W4", "task.tokens", [8, 16, 32, 64, 128, 256, 512]),
        (LINEAR, "W2", "task.context", [8, 16, 32, 64, 128, 256, 512])]),
    "layers": ("layers", [(TRANSFORMER, "W4", "model.layers", [1, 2, 4, 8, 12])]),
    "batch": ("prompts a step", [
        (TRANSFORMER, "W4", "train.batch", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        (LINEAR, "W2", "train.batch", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])]),
}
AT_REST = {"train.optimizer.lr": 1e-12}  # so that no size diverges
SHORT_RUNS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]  # of linear attention, batch 8
SHORT_STEPS = 100
COLOURS = {TRANSFORMER: "#0072B2", LINEAR: "#D55E00"}


def shares(operations):
    """Fractions of a step's time by kind of operation."""
    found = {"products": 0, "draws": 0, "rest": 0}
    for one in operations:
        words = one["operation"].replace(",", " ").replace("_", " ").split()
        kind = "products" if "product" in words else "draws" if "draw" in words else "rest"
        found[kind] += one["fraction"]
    return found


def point(axis, series, x, speed, machine, threads=1):
    return {"axis": axis, "series": series, "x": x, "seconds": 1 / speed["model_steps_per_second"],
            "fraction_of_peak": speed["fraction_of_peak"], "layout": speed["layout"],
            "split": speed["split"], "shares": shares(speed["operations"]), "memory": speed["bytes"],
            "threads": threads,
            "peak_gflops": machine["peak_gflops_per_core"]}


def measure_axis(axis, seconds, quick):
    for series, workload, setting, values in AXES[axis][1]:
        for x in values[:6:2] if quick else values:
            begin = time.monotonic()
            machine, [speed] = measure.bench([workload, "--profile"], AT_REST | {setting: x}, seconds)
            found = point(axis, series, x, speed, machine)
            measure.say(f"{axis} {x}, {series}: {found['seconds'] * 1e3:.3g} ms a step, "
                        f"{found['fraction_of_peak']:.0%} of the peak  ({time.monotonic() - begin:.0f} s)")
            yield found


def measure_threads(seconds):
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n <= len(measure.CORES)]
    for series, workload in ((TRANSFORMER, "W4"), (LINEAR, "W2")):
        for threads in counts:
            machine, [speed] = measure.bench([workload, "--profile"], {}, seconds, threads)
            found = point("threads", series, threads, speed, machine, threads)
            measure.say(f"threads {threads}, {series}: {found['seconds'] * 1e3:.3g} ms a step")
            yield found


def measure_runs(quick):
    """A whole `iclab run` on all cores: reading, compiling, training, the store."""
    overrides = {"train.steps": SHORT_STEPS, "train.batch": 8}
    for runs in SHORT_RUNS[:6] if quick else SHORT_RUNS:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.monotonic()
            measure.run([measure.ICLAB, "run", measure.ROOT / "src/cli/workloads/W2.toml", "--out", folder,
                         *measure.settings(overrides | {"study.seeds": runs})], measure.CORES)
            seconds = time.monotonic() - begin
        measure.say(f"runs {runs}: {runs * SHORT_STEPS / seconds:,.0f} steps a second in {seconds:.1f} s")
        yield {"axis": "runs", "series": LINEAR, "x": runs, "seconds": seconds / (runs * SHORT_STEPS),
               "threads": len(measure.CORES)}


def measure_all(quick):
    seconds = 0.1 if quick else 0.7
    for axis in AXES:
        yield from measure_axis(axis, seconds, quick)
    yield from measure_threads(seconds)
    yield from measure_runs(quick)


# ---- drawing: Vega-Lite, drawn by scripts/draw ----

TITLES = {**{axis: title for axis, (title, _) in AXES.items()}, "threads": "threads of one run",
          "runs": f"runs of {SHORT_STEPS} steps (linear attention, batch 8, all cores)"}


def panel(points, axis, y):
    rows = [p for p in points if p["axis"] == axis and y["field"] in p]
    xs = sorted({p["x"] for p in rows})
    decades = [x for x in xs if math.log10(x).is_integer()]
    doublings = [x for x in xs if math.log2(x).is_integer()][::2]
    shown = xs if len(xs) <= 8 else decades if axis == "runs" else doublings
    x_axis = {"field": "x", "type": "quantitative", "title": TITLES[axis],
              "scale": {"type": "log", "domain": [xs[0] / 1.15, xs[-1] * 1.15], "nice": False},
              "axis": {"values": shown, "format": "~s" if axis == "runs" else "~g", "grid": False}}
    colour = {"field": "series", "type": "nominal", "title": None,
              "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())},
              "legend": {"orient": "top", "labelLimit": 300}}
    shape = {"field": "layout", "type": "nominal", "title": "layout",
             "scale": {"domain": ["lanes", "ordinary"], "range": ["circle", "square"]},
             "legend": {"orient": "top"}}
    encoding = {"x": x_axis, "y": y, "color": colour}
    return {"width": 300, "height": 200, "data": {"values": rows}, "layer": [
        {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": encoding},
        {"mark": {"type": "point", "filled": True, "size": 45}, "encoding": encoding | {"shape": shape}}]}


def figure(points, axes, y, columns):
    return {"$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "concat": [panel(points, axis, y) for axis in axes], "columns": columns,
            "config": {"view": {"stroke": None}, "axis": {"gridColor": "#e8e8e8"}}}


def draw(points, folder):
    milliseconds = [p | {"milliseconds": p["seconds"] * 1e3} for p in points]
    seconds = {"field": "milliseconds", "type": "quantitative", "title": "milliseconds a step",
               "scale": {"type": "log"}, "axis": {"format": "~g", "tickCount": 5}}
    fraction = {"field": "fraction_of_peak", "type": "quantitative", "title": "fraction of the fma peak",
                "axis": {"format": "%"}}
    for name, axes, y, columns in (("scaling-time", [*AXES, "threads", "runs"], seconds, 3),
                                   ("scaling-peak", list(AXES), fraction, 2)):
        with tempfile.NamedTemporaryFile("w", suffix=".vl.json") as spec:
            json.dump(figure(milliseconds, axes, y, columns), spec)
            spec.flush()
            subprocess.run([measure.ROOT / "scripts/draw", spec.name, folder / f"{name}.svg"], check=True)
        measure.say(f"drew {folder / name}.svg")


# ---- the table ----

def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def growth(points):
    """p of time ~ x^p between neighbours."""
    return [math.log(b["seconds"] / a["seconds"]) / math.log(b["x"] / a["x"]) for a, b in zip(points, points[1:])]


def table(points):
    lines = ["| | | ms a step | time ~ x^p | most of the peak | time in products | in draws |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for axis in TITLES:
        for series in COLOURS:
            row = [p for p in points if p["axis"] == axis and p["series"] == series]
            if len(row) < 2:
                continue
            def ends(text):
                return f"{text(row[0])} .. {text(row[-1])}"
            powers = growth(row)
            cells = [f"{axis} {ends(lambda p: format(p['x'], ','))}", series,
                     ends(lambda p: number(p["seconds"] * 1e3)), f"{powers[0]:.2f} .. {powers[-1]:.2f}", "", "", ""]
            if "shares" in row[0]:
                best = max(row, key=lambda p: p["fraction_of_peak"])
                cells[-3:] = [f"{best['fraction_of_peak']:.0%} at {best['x']:,}",
                              ends(lambda p: f"{p['shares']['products']:.0%}"),
                              ends(lambda p: f"{p['shares']['draws']:.0%}")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    machine, _ = measure.bench(["W2-b8"], seconds=0.1)
    result = {"machine": measure.facts(machine), "points": list(measure_all(options.quick))}
    if options.quick:
        folder = measure.ROOT / "build/scaling"
        folder.mkdir(exist_ok=True)
        measure.write_json(folder / "scaling.json", result)
        draw(result["points"], folder)
        print(table(result["points"]))
        return
    measure.write_json(measure.RESULTS / f"{measure.machine_name(machine)}-scaling.json", result)
    draw(result["points"], measure.ROOT / "docs")
    measure.write_docs("scaling.py", f"{measure.title(result['machine'])}\n{table(result['points'])}")


if __name__ == "__main__":
    main()
