"""The wiring: the only place that builds things, into the two programs that a server consists of."""
