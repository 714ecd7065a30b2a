"""Work, heat, entropy, free energy. `work` counts what a driven energy costs and reads free energies from it
(Jarzynski), `ramps` does so for weight decay; `free_energy` compares wells by other ways; `evolution` follows the
masses of a cloud exactly (with `propagation`), `annealing` while the temperature changes, `clouds` reads them off
balls, `first_passage` times their way over a barrier, `driven_wells` holds closed forms out of equilibrium.
"""
