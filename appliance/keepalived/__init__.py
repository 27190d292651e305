"""What we drive: keepalived, and through it the virtual IP address."""
