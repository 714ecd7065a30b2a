"""The command line: the experiments of the page, from the same specifications.

    python -m thermoviz run --preset three-minds --set seed=3 --set dynamics.1.lr=0.2 --out three.safetensors
    python -m thermoviz run spec.json --out run.safetensors
    python -m thermoviz sweep spec.json --over "batch_size=8,16,32" --over "dynamics.1.lr=0.05,0.1" --seeds 32 --out DIR
    python -m thermoviz show run.safetensors
    python -m thermoviz export run.safetensors stage.html
    python -m thermoviz export run.safetensors --figure losses losses.svg
    python -m thermoviz presets
    python -m thermoviz warm
    python -m thermoviz settings
    python -m thermoviz serve --port 8501
    python -m thermoviz cluster
    python -m thermoviz worker tcp://host:8786 --processes 4
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .core.errors import BadInput, ThermovizError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 1 for a failure and 2 for wrong input, both told in one sentence."""
    chosen = _parser().parse_args(_as_told(sys.argv[1:] if arguments is None else list(arguments)))
    try:
        chosen.command(chosen)
        sys.stdout.flush()
    except ThermovizError as error:
        print(f"thermoviz: {error}", file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    except BrokenPipeError:  # who read it has enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that what is left does not complain either
        return 0
    except KeyboardInterrupt:
        print("thermoviz: interrupted.", file=sys.stderr)
        return 130
    return 0


def _as_told(arguments: list[str]) -> list[str]:
    """`export --figure RUN FILE`, which names no figure, is read as `export RUN FILE --figure`."""
    if len(arguments) == 4 and arguments[:2] == ["export", "--figure"]:
        return [arguments[0], *arguments[2:], "--figure"]
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="thermoviz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"thermoviz {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    run = commands.add_parser("run", help="compute a run and write its file")
    run.add_argument("spec", nargs="?", help="a specification as a JSON file (- reads standard input)")
    run.add_argument("--preset", help="start from this preset")
    run.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
                     help="change one setting, dotted as in a link: dataset=circles, dynamics.1.lr=0.2")
    run.add_argument("--out", help="the run file to write (default: <id>.safetensors)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="computed by the Dask cluster at tcp://HOST:PORT or tls://")
    run.set_defaults(command=_run)

    _add_sweep(commands)

    show = commands.add_parser("show", help="say in words what a run file holds")
    show.add_argument("file", help="a run file, or the name of a preset")
    show.set_defaults(command=_show)

    export = commands.add_parser("export", help="write a run, or one of its figures, as a page, picture, table or film")
    export.add_argument("file", help="a run file, or the name of a preset")
    export.add_argument("out", help="the file to write; its ending says as what: .html, .png, .svg, .pdf, .csv, "
                                    ".parquet, .gif or .mp4")
    export.add_argument("--figure", nargs="?", const="", metavar="NAME",
                        help="the figure to write (without a name: the one that stands for the run); "
                             "in HTML instead of the live stage")
    export.set_defaults(command=_export)

    presets = commands.add_parser("presets", help="compute the runs that come with the package anew")
    presets.add_argument("keys", nargs="*", help="which; all if none is named")
    presets.set_defaults(command=_presets)

    warm = commands.add_parser("warm", help="compile the kernels into the cache")
    warm.set_defaults(command=_warm)

    show_settings = commands.add_parser("settings", help="list what environment and .env may set, and what is set now")
    show_settings.set_defaults(command=_settings)

    serve = commands.add_parser("serve", help="serve the dashboard to browsers")
    serve.add_argument("--port", type=int, default=8501, help="the port to listen on (%(default)s)")
    serve.add_argument("--address", help="listen on this address of the network only, such as localhost")
    serve.set_defaults(command=_serve)

    worker = commands.add_parser("worker", help="compute for a Dask cluster (pip install \"thermoviz[cluster]\")")
    worker.add_argument("address", help="its scheduler's, tcp://HOST:PORT or tls://HOST:PORT")
    worker.add_argument("--processes", type=_several, default=1, help="how many (%(default)s)")
    worker.add_argument("--health-port", type=int, default=0, metavar="PORT",
                        help="a local port whose /health answers ok while a worker lives")
    worker.set_defaults(command=_worker)

    cluster = commands.add_parser("cluster", help="a scheduler and workers on this machine, to try it")
    cluster.add_argument("--processes", type=_several, default=2, help="how many workers (%(default)s)")
    cluster.add_argument("--port", type=int, default=8786, help="the scheduler's (%(default)s)")
    cluster.set_defaults(command=_cluster)
    return parser


def _several(text: str) -> int:
    """How many processes. Raises argparse's error for what is no such number."""
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1024, got {text[:20]!r}")
    return int(text)


def _add_sweep(commands: Any) -> None:
    sweep = commands.add_parser("sweep", help="compute an experiment over a grid of settings and many seeds")
    sweep.add_argument("spec", nargs="?", help="an experiment, or a sweep, as a JSON file (- reads standard input)")
    sweep.add_argument("--preset", help="start from this preset")
    sweep.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
                       help="change one setting of the experiment, as in a link")
    sweep.add_argument("--over", action="append", default=[], metavar="NAME=VALUE,VALUE",
                       help="a setting, as in a link, and the values it takes; up to three times")
    sweep.add_argument("--seeds", type=int, help="runs for each combination, from the experiment's own seed on")
    sweep.add_argument("--workers", type=int, help="processes that compute (default: one per core)")
    sweep.add_argument("--scheduler", help="compute on the Dask cluster whose scheduler is at this address")
    sweep.add_argument("--out", required=True, metavar="DIR",
                       help="folder of table.csv, table.parquet and run files; what is there is not computed again")
    sweep.set_defaults(command=_sweep)


def _sweep(chosen: argparse.Namespace) -> None:
    from .catalogue.links import sweep_over
    from .shell import sweep

    spec = _specification(chosen)
    sweep(sweep_over(spec, chosen.over, chosen.seeds), chosen.out, chosen.workers, chosen.scheduler)


def _run(chosen: argparse.Namespace) -> None:
    from .engine.ask import run

    result = run(_specification(chosen), _show_progress, chosen.scheduler)
    out = result.save(chosen.out or f"{result.id}.safetensors")
    print(f"{summary(result)}\nwritten to {out}")


def _specification(chosen: argparse.Namespace) -> Any:
    from .catalogue.links import with_settings
    from .experiments.presets import preset

    if bool(chosen.spec) == bool(chosen.preset):
        raise BadInput("give either a specification as a JSON file or --preset, not both and not neither.")
    spec = preset(chosen.preset).spec if chosen.preset else _read_specification(chosen.spec)
    settings = {}
    for setting in chosen.settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise BadInput(f"--set needs NAME=VALUE, got {setting[:40]!r}.")
        settings[name] = value
    return with_settings(spec, settings)


def _read_specification(file: str) -> Any:
    from .catalogue import askable
    from .core.specs import from_json

    try:
        value = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.") from None
    except RecursionError:
        raise BadInput(f"{file} is nested too deeply for a specification.") from None
    except ValueError as error:
        raise BadInput(f"{file} is not JSON: {error}.") from None
    kind = value.get("kind") if isinstance(value, dict) else None
    kinds = askable()
    if not isinstance(kind, str) or kind not in kinds:
        raise BadInput(f'{file} must be an object with "kind", one of {", ".join(kinds)}, got {str(kind)[:40]!r}.')
    return from_json(kinds[kind], value)


def _show_progress(fraction: float, stage: str, partial: Any) -> None:
    if sys.stderr.isatty():
        end = "\r" if fraction < 1 else "\n"
        print(f"{fraction:4.0%} {stage:<10}", end=end, file=sys.stderr, flush=True)


def _opened(file: str) -> Any:
    from .experiments.presets import PRESETS, load_preset
    from .runs.run import open_run

    return load_preset(file) if file in PRESETS else open_run(file)


def _show(chosen: argparse.Namespace) -> None:
    print(summary(_opened(chosen.file)))


def _export(chosen: argparse.Namespace) -> None:
    out = _opened(chosen.file).export(chosen.out, chosen.figure)
    print(f"written to {out}")


def _presets(chosen: argparse.Namespace) -> None:
    from .catalogue import LABS, run
    from .catalogue.shipped import SWEEP, keys, specification_and_path
    from .experiments.presets import PRESETS

    for key in chosen.keys:
        if key not in PRESETS and key not in LABS and key != SWEEP:
            raise BadInput(f"{key!r} does not come with the package; what does: {', '.join(keys())}.")
    for key in chosen.keys or keys():
        start = time.perf_counter()
        spec, path = specification_and_path(key)
        path = run(spec, _show_progress).save(path)
        print(f"{key}: {path.stat().st_size / 1000:.0f} kB in {time.perf_counter() - start:.1f} s")


def _warm(chosen: argparse.Namespace) -> None:
    from .engine.worker import warm_up

    start = time.perf_counter()
    warm_up()
    print(f"kernels are ready ({time.perf_counter() - start:.1f} s)")


def _settings(chosen: argparse.Namespace) -> None:
    from .core.settings import described, settings

    print(described(settings()))


def _serve(chosen: argparse.Namespace) -> None:
    from .dashboard.serving import serve

    serve(chosen.port, chosen.address)


def _worker(chosen: argparse.Namespace) -> None:
    from .engine.cluster.here import work

    work(chosen.address, chosen.processes, chosen.health_port)


def _cluster(chosen: argparse.Namespace) -> None:
    from .engine.cluster.here import try_out

    try_out(chosen.processes, chosen.port)


def summary(run: Any) -> str:
    """What a run holds, in a few lines of text."""
    from .core.specs import canonical
    from .presentation.names import who_diverged
    from .presentation.verdicts import told

    lines = [f"{run.kind} {run.id}", f"specification: {canonical(run.spec)}"]
    if "losses" in run.arrays:
        lines.append(f"networks: {run.arrays['losses'].shape[1]} of {run.numbers['d']} parameters, "
                     f"{run.arrays['steps'][-1]} steps")
        lines += _loss_lines(run)
    if run.reading:
        lines.append(f"what happened: {run.reading}")
    if diverged := who_diverged(run):
        lines.append(f"diverged: {diverged}")
    if run.surface is not None:
        lines += _surface_lines(run.surface)
    if run.honesty is not None:
        from .presentation.badge import caption

        r2 = "unknown" if run.honesty.r2 is None else f"{run.honesty.r2:.2f}"
        lines.append(f"slice: {caption(run)} (verdict {run.honesty.verdict}, R2 {r2})")
    lines += [told(verdict) for verdict in run.verdicts]
    return "\n".join(lines)


def _loss_lines(run: Any) -> list[str]:
    """Lowest and highest of the last losses of the networks that stayed finite; like beside like."""
    kept = run.arrays["diverged_at"] < 0
    parts = {"data_losses": "final loss, train", "test_losses": "final loss, test",
             "regulariser": "weight decay and l1 add", "losses": "final loss, all that training descends"}
    shown = {name: run.arrays[name][-1, kept] for name in parts if name in run.arrays} if kept.any() else {}
    return [f"{parts[name]}: {values.min():.4g} to {values.max():.4g}" for name, values in shown.items()]


def _surface_lines(surface: Any) -> list[str]:
    error = "not measured" if surface.error is None else f"{surface.error:.2g}"
    lines = [f"surface: {len(surface.xs)} x {len(surface.ys)}, error {error}"]
    basins = surface.basins
    minima = ", ".join(f"{energy:.4g}" for energy in basins.energies)
    barrier = "" if basins.barrier is None else f"; barrier {basins.barrier:.4g}"
    return [*lines, f"valleys: {minima}{barrier}"]


if __name__ == "__main__":
    sys.exit(main())
