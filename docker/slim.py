"""Takes out of a virtual environment what thermoviz never loads: `python docker/slim.py VENV`.

The image is built with it (Dockerfile); `tests/test_image.py` builds the same environment and uses everything in it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# What goes, below site-packages, and why.
LEFT_OUT = (
    ("**/tests", "the libraries' own tests"),
    ("joblib/test", "the same"),
    ("torch/test", "the same, compiled: 86 MB"),
    ("torch/lib/lib*test*.so", "the same"),
    ("torch/lib/libbackend_with_compiler.so", "the same"),
    ("torch/bin/protoc*", "for those who build on torch"),
    ("torch/bin/*[Tt]est*", "tests; what shares memory between processes stays"),
    ("torch/include", "headers, for extensions in C++"),
    ("torch/share", "the same, for cmake"),
    ("pyarrow/include", "headers"),
    ("pyarrow/src", "sources of headers"),
    ("pyarrow/*flight*", "a network protocol of Arrow's; the table in memory, which Streamlit wants, is libarrow"),
    ("pyarrow/libarrow_s3.so*", "files in Amazon's cloud"),
    ("pyarrow/_s3fs*", "the same"),
    ("pydeck/nbextension", "maps in notebooks; Streamlit has its own copy of their program"),
    ("plotly/labextension", "charts in notebooks"),
    ("matplotlib/mpl-data/sample_data", "examples"),
    ("matplotlib/backends/web_backend", "windows in a browser"),
    ("numpy/_core/include", "headers"),
    ("numpy/_core/lib", "libraries for linking"),
    ("**/*.pyx", "sources of what is compiled"),
    ("**/*.pxd", "the same"),
    ("**/*.pyi", "types, for editors and mypy"),
    ("pip", "nothing is installed any more"),
    ("pip-*.dist-info", "the same"),
    ("setuptools", "the same"),
    ("setuptools-*.dist-info", "the same"),
    ("pkg_resources", "the same"),
    ("_distutils_hack", "the same"),
    ("distutils-precedence.pth", "the same"),
    ("../../../share/jupyter", "what pydeck has for notebooks, once more"),
)
# Of these a fraction is ever imported: their byte code goes, and comes again for what is imported at the start.
SPARSE = ("torch", "functorch", "sympy", "mpmath", "networkx", "pandas", "scipy", "sklearn", "altair", "pydeck",
          "matplotlib", "fontTools")
START = """
import numba, numpy.random, plotly.graph_objects, plotly.io, safetensors.numpy, scipy.interpolate, scipy.linalg
import matplotlib.backends.backend_agg, matplotlib.backends.backend_pdf, matplotlib.backends.backend_svg
import scipy.ndimage, scipy.optimize, scipy.sparse, scipy.spatial, scipy.special, scipy.stats, sklearn.datasets
import sklearn.linear_model, streamlit.web.bootstrap, torch.func, torch.nn.utils
"""
# Names of functions that no program asks for by name. Libraries of a wheel's own (*.libs) were moved by patchelf, after
# which `strip` breaks some.
STRIPPED = ("torch/lib/*.so", "llvmlite/binding/*.so", "pyarrow/*.so*")


def slim(venv: Path) -> None:
    """Makes the environment lighter, in place; files that are linked elsewhere stay whole there."""
    site = next(venv.glob("lib/python3*/site-packages"))
    for pattern, _why in LEFT_OUT:
        for path in list(site.glob(pattern)):
            _remove(path)
    for package in SPARSE:
        for path in list(site.glob(f"{package}/**/__pycache__")):
            _remove(path)
    for path in _libraries(site):
        _strip(path)
    subprocess.run([venv / "bin" / "python", "-c", START], check=True, cwd=site)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _libraries(site: Path) -> Iterator[Path]:
    for pattern in STRIPPED:
        yield from (path for path in site.glob(pattern) if not path.is_symlink())


def _strip(path: Path) -> None:
    """In a new file, since the old one may be linked elsewhere; as it is where there is no `strip`."""
    if shutil.which("strip") is None:
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        stripped = Path(folder, path.name)
        subprocess.run(["strip", "--strip-unneeded", "-o", stripped, path], check=True)
        os.replace(stripped, path)


def weights(venv: Path) -> dict[str, int]:
    """Bytes of each package of an environment: of all that lies below its name in site-packages, or elsewhere in it."""
    site, found = next(venv.glob("lib/python3*/site-packages")), dict[str, int]()
    for path in venv.rglob("*"):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(site).parts[0] if path.is_relative_to(site) else path.relative_to(venv).parts[0]
            found[name] = found.get(name, 0) + path.stat().st_size
    return found


def main(venv: Path) -> None:
    before = weights(venv)
    slim(venv)
    after = weights(venv)
    for name in sorted(before, key=lambda name: after.get(name, 0) - before[name]):
        if before[name] - after.get(name, 0) > 1e6:
            print(f"{name:20} {before[name] / 1e6:6.0f} -> {after.get(name, 0) / 1e6:4.0f} MB")
    print(f"{'all':20} {sum(before.values()) / 1e6:6.0f} -> {sum(after.values()) / 1e6:4.0f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
