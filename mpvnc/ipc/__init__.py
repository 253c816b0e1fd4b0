"""How our processes talk: control sockets that carry descriptors, and the bus."""
