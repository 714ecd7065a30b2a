"""The live stage: a Run as one message to the browser, and the modules that move the balls and draw there."""
