"""Where frames come from: one file per backend."""
