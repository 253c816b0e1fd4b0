"""Listeners, children, signals; policy and placement as pure functions."""
