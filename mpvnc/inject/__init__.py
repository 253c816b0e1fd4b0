"""Where input goes: one file per backend."""
