"""The verbs: each reads its input, calls the library and prints. Nothing heavy is imported at the top."""
