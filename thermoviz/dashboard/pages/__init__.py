"""The pages that are no lab: the first one, and what the house is about."""
