"""A soak: one virtual connection that is recycled thousands of times while its proxies come and go."""
