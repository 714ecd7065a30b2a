"""What the web process does with a surface loads no compiler."""

import json
import subprocess
import sys


def test_few_points_and_scales_load_no_compiler():
    """The web process reads basins and equilibria of a surface without numba, torch or scikit-learn."""
    code = """
import json, sys
import numpy as np
from thermoviz.core.landscape.surfaces import Surface
xs = np.linspace(-2, 2, 41)
surface = Surface.from_grid(xs, xs, (xs[:, None]**2 - 1)**2 + xs**2)
surface(np.zeros((50, 2))); surface.barrier; surface.suggested_dt(.1)
e = surface.equilibrium(.2); e.shares, e.density, e.sample(500, np.random.default_rng(0))
surface.equilibria([.1, 1])
print(json.dumps([name for name in ("numba", "torch", "sklearn") if name in sys.modules]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []
