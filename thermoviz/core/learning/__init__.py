"""Small networks as points in parameter space. NetworkLoss (`networks`) is their loss as an Energy, of a Dataset
(`data`, made by `datasets`, table DATASETS); numpy goes to compiled kernels (`compiled`; `rooms`: what they work in;
`movers`: many steps in one call), torch to `tensors`, second derivatives and single samples to `derivatives`. Beside
it: losses in which each replica has its own data or noise (`resampled`, `perturbed`), names of hidden units matched
(`alignment`), and the bottom of a valley (`minima`).
"""
