"""One client: what it asked for, what it holds, what it gets next."""
