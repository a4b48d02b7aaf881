"""Shows captured bytes by the specifications' names, and writes captures others can read."""
