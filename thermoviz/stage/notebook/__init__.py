"""The stage in notebooks: a widget whose temperature, camera and clicks Python reads and writes."""
