"""The shared memory in which frames pass from their writer to the workers."""
