"""Which samples lie behind those that replicas draw from data of their own."""

from ...kernels_options import entry


@entry
def look_up(indices, samples):
    """indices [steps, n, B] <- samples[i, indices[:, i]], samples [n, N]; in place, -1 stays."""
    for s in range(indices.shape[0]):
        for i in range(indices.shape[1]):
            for k in range(indices.shape[2]):
                one = indices[s, i, k]
                if one >= 0:
                    indices[s, i, k] = samples[i, one]
