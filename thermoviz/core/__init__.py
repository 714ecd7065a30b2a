"""Physics: no files, no pictures, no widgets, no processes.

Rooms by subject, each above the last: `statistics` (Estimate) and `energies` (Energy); `spectra`; `dynamics` (step,
simulate) and `landscape` (Surface); `learning` (NetworkLoss) and `thermodynamics` (work, free energy, evolution);
`fluctuations`. A room imports those before it, never its neighbour. What all of them speak stands beside: errors,
seeds, arrays, specs, flat, replicas, settings, threads, logs, and what is compiled (kernels_options, compiling). One
idea holds it together: a potential, a slice of a loss and the loss itself are all an Energy, so that balls on a surface
and networks in parameter space run the same steps and are measured by the same estimators.
"""
