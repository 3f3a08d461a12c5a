"""The admin's pages of devices that are no tables."""
