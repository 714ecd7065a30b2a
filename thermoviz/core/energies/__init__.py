"""What particles feel. An Energy (`protocol`) is anything with `energy(x[..., d]) -> [...]` and `force`; `force` is the
one place where a derivative is taken. Analytic wells (`potentials`, table POTENTIALS), energies with a handle that
is turned from outside (`driven`), means over samples (`samples`), and the minimum below a point (`rest`).
"""
