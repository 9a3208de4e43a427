"""Experiments that can be rerun; one file each, `python -m recipes.NAME --help`."""
