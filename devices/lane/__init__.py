"""How a device is driven: who sends (`runners`), through which device (`leases`), how often (`pacing`), and what
its row says (`limits`)."""
