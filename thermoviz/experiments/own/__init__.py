"""Models and paths that people bring: their parameters, whatever else they hold, their loss, their snapshots."""
