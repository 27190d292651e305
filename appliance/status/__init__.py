"""What the operator sees: this node, the cluster, and why the VIP is where it is."""
