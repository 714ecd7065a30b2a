"""The pages that are no lab: the first one, sweeps, what visitors bring, and what the house is about."""
