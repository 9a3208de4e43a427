"""What several recipes stand on; none of it is an experiment."""
