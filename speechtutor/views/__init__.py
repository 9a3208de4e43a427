"""Values as people and other programs see them: HTML of a score, a talk, corrections; Azure's JSON."""
