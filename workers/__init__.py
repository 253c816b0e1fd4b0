"""One file per role: each wires the pure half to the machine and holds no cleverness of its own."""
