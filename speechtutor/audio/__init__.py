"""Sound in and out, where speech is in it, how good it is, and its prosody."""

from speechtutor.audio.io import decode, from_array, load, save

__all__ = ["decode", "from_array", "load", "save"]
