"""``make faults``: what a job logged is stored, once, whatever happens to it, to its host or to the backends."""
