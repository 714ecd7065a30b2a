"""`make bench`: thermoviz beside its peers, in one run on one machine; also as a share of its matrix-product rate."""

import argparse

from . import (
    balls,
    compile,
    crowd,
    engine,
    explore,
    faults,
    figures,
    first_picture,
    labs,
    labs_before,
    landscaper,
    memory,
    preset,
    report,
    reruns,
    stage_cpu,
    surface,
    sweep,
    training,
)
from .clock import Row, matrix_rate, show

GROUPS = {
    "compile": compile.rows,
    "surface": surface.rows,
    "training": training.rows,
    "preset": preset.rows,
    "balls": balls.rows,
    "memory": memory.rows,
    "stage": stage_cpu.rows,
    "labs": labs.rows,
    "engine": engine.rows,
    "explore": explore.rows,
    "report": report.rows,
    "landscaper": landscaper.rows,
    "faults": faults.rows,
    "figures": figures.rows,
    "first_picture": first_picture.rows,
    "reruns": reruns.rows,
    "crowd": crowd.rows,
    "endurance": crowd.endurance,
    "sweep": sweep.rows,
}
# What takes an hour: run by name, for docs/reliability.md.
LONG = ("faults", "endurance")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []],
                        help=f"which to run; all but {', '.join(LONG)} if none is named")
    parser.add_argument("--against", metavar="CHECKOUT", help="an earlier commit's checkout, beside which the labs run")
    asked = parser.parse_args()
    labs_before.against = asked.against
    chosen = asked.groups or [name for name in GROUPS if name not in LONG]
    rate = matrix_rate()
    print(f"float32 matrix products, 1024 x 1024, all threads: {rate / 1e9:.0f} GFLOP/s\n")
    rows: list[Row] = []
    for group in chosen:
        rows += GROUPS[group]()
    show(rows, rate)


if __name__ == "__main__":
    main()
