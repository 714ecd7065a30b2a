"""An energy seen on a plane. A Plane (`planes`, table PLANES) cuts parameter space along `directions` or principal
components (`pca`); `scan` tabulates the energy on it; what it leaves is a Surface. That is put together from below:
`bicubic` cell, `spline`, finer `lattice`, `basins` by persistence, `relief` (scales, stiffness), quadrature `mesh`,
Boltzmann's law (`boltzmann`), `crossings` of the basins' shares, `surfaces`. `honesty` says how much of the truth a
slice shows, `paths` the lowest way over.
"""
