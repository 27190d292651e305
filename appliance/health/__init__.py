"""Is the load balancer on this node good? A probe, a state machine, a number for keepalived."""
