"""Speech and text that others collected, as manifests and rows that this project can use."""
