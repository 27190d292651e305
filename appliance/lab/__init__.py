"""Three nodes on one machine, each in namespaces of its own, with an embedded Marathon."""
