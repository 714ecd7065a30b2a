"""The labs: one question each, in a folder of its own that holds everything about it.

A lab is announced by its line in LABS and nowhere else: menu, links, command line, figures, public names and the tests
of its controls follow from it. Its folder is called as its `kind`, its specification's class is that in camel case.
"""

# In the order of the menu.
LABS = ("heat_bath", "interactions", "volume_or_depth", "second_law", "equilibrium", "crystal_or_glass")


def class_name(kind: str) -> str:
    """The name of a lab's specification: HeatBath for heat_bath."""
    return "".join(word.capitalize() for word in kind.split("_"))
