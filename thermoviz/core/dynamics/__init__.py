"""How particles move. A dynamics maps a state to a state, `step(energy, state, rng, temperature)`, and says of itself
what others need to know: its time per step, the learning rate that gradient noise meets, what a wall reverses
(`integrators`, table DYNAMICS). `simulate` (`simulation`) is the only loop over steps, for balls and networks alike,
with hard `walls`, minibatches (`batches`) and programmes of temperature (`schedules`); `blocks` of steps run in
compiled code (kernels) where an energy offers it, and `tape` keeps what is recorded and observed. `mala` keeps
Boltzmann's law exactly; `between` is for what happens between steps, such as `replica_exchange`.
"""
