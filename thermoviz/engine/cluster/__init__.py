"""Workers of a Dask cluster, of this machine or of many: an engine asks them as it asks those of its own machine.

`workers.py` is what the engine knows; `attempt.py` one question on its way; `connection.py` the talk with the
scheduler; `task.py` what happens in a process of the cluster, which `preload.py` makes ready; `here.py` starts such.
"""
