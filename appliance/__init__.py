"""The Marathon HA appliance: HAProxy fed from Marathon, behind a virtual IP that follows a working one."""

__version__ = "0.1.0"
