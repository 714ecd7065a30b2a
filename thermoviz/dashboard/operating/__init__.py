"""For whoever runs the server: what happens is counted and told; the server starts, is watched and ends in order."""
