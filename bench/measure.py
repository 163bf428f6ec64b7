"""What the scripts in bench/ share: running `iclab` pinned to cores, naming the machine, progress lines."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ICLAB = ROOT / "build/release/bin/iclab"
RESULTS = ROOT / "bench/results"
CORES = sorted(os.sched_getaffinity(0))


def say(line):
    print(line, file=sys.stderr, flush=True)


def run(command, cores):
    """stdout of a command that may use these cores alone; its message if it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores))
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return done.stdout


def settings(overrides):
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]


def bench(words, overrides={}, seconds=2, threads=1, cores=None):
    """`iclab bench` on the first cores: (machine, workloads)."""
    found = json.loads(run([ICLAB, "bench", *words, *settings(overrides), "--seconds", seconds,
                            "--threads", threads, "--json"], cores or CORES[:threads]))
    return found["machine"], found["workloads"]


def machine_name(machine):
    """A file's name for a machine: "amd-epyc-avx512"."""
    text = f"{machine['processor']} {machine['instructions']}".lower()
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)|\bcpu\b|@.*ghz", " ", text)).strip("-")


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")
    say(f"wrote {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")


def write_docs(script, text):
    """Replaces what stands between a script's marks in docs/performance.md."""
    page = ROOT / "docs/performance.md"
    begin, end = f"<!-- written by bench/{script} -->", "<!-- end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}")
    say("wrote docs/performance.md")


def title(machine):
    return f"{machine['processor']}, {machine['instructions']}, {machine['cores']} core{'s' * (machine['cores'] > 1)}, {machine['date']}:\n"


def facts(machine):
    return {**machine, "cores": len(CORES), "date": time.strftime("%Y-%m-%d"),
            "commit": run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], CORES).strip()}
