"""What a learner does next: exercises, their answers, and talks."""
