"""From a score to what is said about it: evidence, rules, prompts, phrasing, checks."""
