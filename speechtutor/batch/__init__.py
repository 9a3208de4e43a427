"""A whole corpus judged: in many processes or on a cluster, stopped and gone on with, written as one file."""
