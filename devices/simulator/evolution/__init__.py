"""Evolution API 2.3.7: its routes, its rules, its instances, what it reports. See `devices.simulator`."""
