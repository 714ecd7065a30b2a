"""Spectra of symmetric operators known by their products with vectors only. The central idea: leading eigenpairs are
found and taken out (`lanczos`), and what is left is asked by random probes, whose scatter is the error: its density by
quadrature (`lanczos`), its traces (`traces`).
"""
