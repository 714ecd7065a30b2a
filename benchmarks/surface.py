"""A 101 x 101 loss surface: thermoviz against loss-landscapes on the same points, values compared first."""

import numpy as np
import torch

import thermoviz as tv

from .clock import Row, matrix_rate, median_seconds, tanh_rate

POINTS = 101


def _case(dataset: str, hidden: tuple[int, ...], activation: str, **settings):
    """A loss and three parameter vectors, none of them special."""
    data = tv.load_dataset(dataset, seed=0, test_fraction=0, **settings)
    loss = tv.NetworkLoss(tv.MLP(hidden=hidden, activation=activation), data)
    return loss, data, loss.init(3, seed=0)


def _flops(sizes: list[int], samples: int) -> float:
    """Operations of a forward pass, the first layer counted as two additions per unit (the plane is affine)."""
    inner = sum(a * b for a, b in zip(sizes[1:-1], sizes[2:], strict=True))
    return 2 * samples * (inner + 2 * sizes[1])


def _peer(loss, data, corners) -> tuple[np.ndarray, float]:
    """loss-landscapes' planar interpolation and its time, at the thread count that suits it better."""
    import loss_landscapes
    import loss_landscapes.metrics

    x = torch.tensor(data.x_train, dtype=torch.float32)
    y = torch.tensor(data.y_train)
    metric = loss_landscapes.metrics.Loss(torch.nn.CrossEntropyLoss(), x, y)
    result = {}

    def sweep() -> None:
        with torch.no_grad():
            result["values"] = loss_landscapes.planar_interpolation(
                *(loss.to_module(theta) for theta in corners), metric, POINTS, deepcopy_model=True)

    times = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        times.append(median_seconds(sweep, repeats=1, warm=False))
    torch.set_num_threads(1)
    return result["values"], min(times)


def _right_angle(thetas):
    """Three corners of a rectangle, so that the peer's grid is one that a plane with orthonormal axes can have."""
    a, b, c = thetas
    u = b - a
    return a, b, c - u * ((c - a) @ u) / (u @ u)


def _aligned(corners):
    """A Plane whose axes are the peer's directions, so that both sides visit the same points."""
    a, b, c = corners
    u, v = b - a, c - a
    return tv.Plane(a, u / np.linalg.norm(u), v / np.linalg.norm(v)), np.linalg.norm(u), np.linalg.norm(v)


def rows() -> list[Row]:
    cases = [
        ("every point of 101 x 101, moons, 2-32-32-2 tanh", ("moons", (32, 32), "tanh"), {"n": 1000},
         "15 x, aim 20 x", [2, 32, 32, 2], True),
        ("every point of 101 x 101, digits, 64-32-10 relu", ("digits", (32,), "relu"), {},
         "15 x, aim 20 x", [64, 32, 10], False),
    ]
    out = []
    for name, case, settings, goal, sizes, adaptive in cases:
        loss, data, thetas = _case(*case, **settings)
        corners = _right_angle(thetas)
        plane, length_u, length_v = _aligned(corners)
        step = (POINTS - 1) / POINTS
        extent = (0, step * length_u, 0, step * length_v)
        peer_values, peer_time = _peer(loss, data, corners)
        ours = tv.scan(loss, plane, resolution=POINTS, extent=extent, tolerance=0)
        _check_same(ours, peer_values)
        seconds = median_seconds(lambda: tv.scan(loss, plane, resolution=POINTS, extent=extent, tolerance=0))  # noqa: B023
        flops = POINTS**2 * _flops(sizes, len(data.x_train))
        curves = POINTS**2 * len(data.x_train) * sum(sizes[1:-1]) if case[2] == "tanh" else 0
        limit = flops / matrix_rate() + curves / tanh_rate()
        out.append(Row(name, seconds, "s", goal, peer_time, "loss-landscapes 3.0.6", flops, limit))
        if adaptive:
            seconds = median_seconds(lambda: tv.scan(loss, plane, extent=extent))  # noqa: B023
            out.append(Row("surface with error control, moons, default tolerance", seconds, "s",
                           "25 x, aim 60 x", peer_time, "loss-landscapes, 101 x 101"))
    return out


def _check_same(surface, peer: np.ndarray) -> None:
    """The peer visits odd rows at steps 0..100 and even rows at 1..101: compare where both have been."""
    ours = surface.E
    worst = max(np.abs(ours[1::2] - peer[1::2]).max(), np.abs(ours[0::2, 1:] - peer[0::2, :-1]).max())
    allowed = 1e-4 * (ours.max() - ours.min())  # float32 on both sides, the peer's steps add up rounding
    if worst > allowed:
        raise SystemExit(f"The peer's surface differs by {worst:.2g}, more than {allowed:.2g}: not the same points.")
