"""Own models on a GPU: `python -m benchmarks.own_gpu`, for the day when there is one. Never run so far.

Checks that surfaces in the module's own device and number type are those of the processor, that all is left as it was,
that a Recorder follows, and that a Hessian plane can be had; prints times. Without a GPU it says so and ends with 2.
"""

import copy
import sys
import time
from typing import Any

import numpy as np
import torch

import thermoviz as tv

from .explore import cnn

ALIKE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}  # relative: the sums of a GPU have another order


def checked(device: str, kind: Any) -> str:
    """One line about a CNN of a million parameters there. Raises AssertionError where something is wrong."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model, (x, y), loss_fn, step = cnn()
    recorder = tv.Recorder(model, every=5)
    for _ in range(30):
        step()
        recorder.step()
    there = copy.deepcopy(model).to(device, kind)
    images, labels = x.to(device, kind), y.to(device)

    def loss_there(module: Any) -> Any:
        return torch.nn.functional.cross_entropy(module(images).float(), labels)

    begun = time.perf_counter()
    own = tv.explore(model, loss_fn, recorder, resolution=21, tolerance=0, progress=False)
    middle = time.perf_counter()
    state = [one.clone() for one in there.state_dict().values()]
    found = tv.explore(there, loss_there, recorder.path, plane=own.plane, resolution=21, tolerance=0, progress=False,
                       extent=tuple(float(edge) for axis in own.surface.bounds for edge in axis))
    ended = time.perf_counter()
    assert all(torch.equal(one, now) for one, now in zip(state, there.state_dict().values(), strict=True))
    assert all(one.device.type == device and one.dtype == kind for one in there.parameters())
    largest = np.abs(found.arrays["U"] - own.arrays["U"]).max() / np.abs(own.arrays["U"]).max()
    assert largest < ALIKE[kind], f"{largest:.1e} apart from the processor's"
    follower = tv.Recorder(there, every=1)
    follower.step()
    assert follower.path.shape[1] == recorder.path.shape[1]
    if kind == torch.float32:
        assert tv.explore(there, loss_there, plane="hessian", resolution=17, progress=False).surface is not None
    return (f"{device} {kind}: {largest:.1e} apart; {middle - begun:.2f} s on the processor, "
            f"{ended - middle:.2f} s there")


def main() -> None:
    if not torch.cuda.is_available():
        print("There is no GPU here: nothing was checked.")
        sys.exit(2)
    for kind in ALIKE:
        print(checked("cuda", kind))


if __name__ == "__main__":
    main()
