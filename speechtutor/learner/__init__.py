"""What is known of a learner: attempts kept, and mastery made from them."""
