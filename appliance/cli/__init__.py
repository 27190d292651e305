"""Console commands: arguments -> settings -> one call -> exit code."""
