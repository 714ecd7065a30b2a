"""Noise and what it does. `gradient_noise`: how strong minibatches shake, in which directions, and the temperature of
that; `relations`: what holds between fluctuation and dissipation where SGD is at rest; `regression`, `chain` and
`parabolas`: the same exactly, for quadratic losses; `currents`: what circulates where detailed balance is broken.
"""
