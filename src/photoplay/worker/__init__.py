"""The queue's job functions, and the loops that run them."""
