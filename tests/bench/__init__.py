"""The benchmark: what an order costs, against the least that could do the same. `make bench` runs it."""
