"""One file per security type."""
