"""From frames to a judgement: alignment, likelihood ratios, features, extra sounds, diagnosis."""
