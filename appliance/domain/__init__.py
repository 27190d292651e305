"""The business domain: whether it leads to the VIP, and the records that make it so."""
