"""A lab in a package of its own: walkers that step to the left or to the right, and how far they come."""
