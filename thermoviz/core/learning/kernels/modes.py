"""What the kernels of networks are asked for."""

import numpy as np

# Energies alone; energies and forces; steps, for which forces alone are computed.
# As numbers of numpy these stay variables for the compiler, which would make a copy of the code for each constant.
ENERGY, GRADIENT, FORCE = np.arange(3)
