"""The load generator: calls in C, whose times are the kernel's, and what it needs at the other end."""
