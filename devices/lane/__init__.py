"""How a device is driven: who may send through it (`leases`), how often (`pacing`), what its row says (`limits`)."""
