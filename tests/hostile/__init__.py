"""Clients that mean harm: each limit is met by a test (`limits`), and all of them at once leave a
quiet client nearly as it was (`make hostile`)."""
