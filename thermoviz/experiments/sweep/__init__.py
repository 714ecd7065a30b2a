"""A sweep: one experiment for every combination of some of its settings, and for many seeds; a phase diagram.

It is cut into pieces (`pieces.py`), each a specification of its own, so that pieces are computed, kept and taken up
again like any other run; what is measured of each run is put together in one run of rows (`rows.py`).
"""
