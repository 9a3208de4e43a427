"""What a notebook shows: the heat map of a score, and figures of a recording."""
