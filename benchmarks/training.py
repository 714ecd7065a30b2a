"""64 replicas x 1000 SGD steps, batch 32, 2-32-32-2: thermoviz against a plain torch loop over the replicas."""

import numpy as np
import torch

import thermoviz as tv

from .clock import Row, median_seconds

REPLICAS, STEPS, BATCH = 64, 1000, 32
# The plain loop is timed on a few replicas and scaled: its cost is one replica's times their number.
PEER_REPLICAS = 2


def plain_loop(loss, data, thetas, steps: int = STEPS, batch: int = BATCH) -> None:
    """What everyone writes first: one module, one optimiser, one loop."""
    x = torch.tensor(data.x_train, dtype=torch.float32)
    y = torch.tensor(data.y_train, dtype=torch.int64 if data.task == "classification" else torch.float32)
    for theta in thetas:
        model = loss.to_module(theta)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
        criterion = torch.nn.CrossEntropyLoss() if data.task == "classification" else torch.nn.MSELoss()
        for _ in range(steps):
            rows = torch.randint(len(x), (batch,))
            optimiser.zero_grad()
            criterion(model(x[rows]), y[rows]).backward()
            optimiser.step()


def rows() -> list[Row]:
    torch.set_num_threads(1)
    data = tv.load_dataset("moons", n=1000, seed=0)
    loss = tv.NetworkLoss(tv.MLP(hidden=(32, 32), activation="tanh"), data)
    theta0 = loss.init(REPLICAS, seed=0)

    def ours() -> np.ndarray:
        return tv.simulate(loss, tv.SGD(0.05), theta0, steps=STEPS, batch_size=BATCH, record_every=STEPS).energy[-1]

    final = ours()
    if not final.mean() < 0.5 * float(np.mean(loss(theta0))):
        raise SystemExit("The benchmark's networks did not learn: the comparison would be meaningless.")
    seconds = median_seconds(ours, repeats=3, warm=False)
    one = median_seconds(lambda: plain_loop(loss, data, theta0[:PEER_REPLICAS]), repeats=3) / PEER_REPLICAS
    flops = 6 * REPLICAS * STEPS * BATCH * (2 * 32 + 32 * 32 + 32 * 2)
    return [Row("64 replicas x 1000 SGD steps, batch 32, 2-32-32-2", seconds, "s", "60 x, aim 100 x",
                one * REPLICAS, "plain torch loop", flops)]
