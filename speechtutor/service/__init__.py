"""The JSON API: one coach behind HTTP, with a bounded queue, keys, limits and figures for operators."""
