"""What leaves the house as a file: still pictures, films, tables and pages of a run, by the name that the file has.

Nothing here needs a browser. matplotlib, Pillow and PyAV are loaded when a file is asked for, never at the start.
"""
