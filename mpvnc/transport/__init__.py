"""Byte pipes on a client's socket."""
