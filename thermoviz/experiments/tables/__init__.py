"""Tables that people bring: a CSV or NumPy file, a DataFrame, arrays; their columns, and what is learned from them.

Nothing in a file is run, unpickled or unpacked to a disk; sizes are checked before anything is read.
"""
