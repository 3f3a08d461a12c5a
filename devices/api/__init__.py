"""The HTTP API of devices."""
