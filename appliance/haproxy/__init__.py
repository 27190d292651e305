"""What we drive: HAProxy. Knows nothing of Marathon."""
