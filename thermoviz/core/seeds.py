"""Named random streams, so that more of one thing (balls) never changes another (the data)."""

import zlib

import numpy as np

from .errors import BadInput

MAX_SEED = 2**32 - 1


def rng(seed: int, stream: str) -> np.random.Generator:
    """A PCG64 generator for `stream` ("data", "init", "noise", "balls", ...) of `seed` (0..2^32 - 1).

    Source: SeedSequence([seed, crc32(stream)]), docs/design contracts. Raises BadInput outside the range.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed <= MAX_SEED:
        raise BadInput(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}.")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), zlib.crc32(stream.encode())])))


class Beside:
    """Generators of several runs side by side: each fills the rows of its own run, as if that were alone."""

    def __init__(self, generators: list[np.random.Generator]) -> None:
        self.generators = generators

    def standard_normal(self, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
        """Normal numbers [..., n, d], the n rows in equal shares."""
        *before, n, d = shape
        own = (*before, n // len(self.generators), d)
        return np.concatenate([one.standard_normal(own, dtype=dtype) for one in self.generators], axis=-2)
