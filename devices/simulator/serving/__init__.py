"""HTTP both ways, as Node speaks it: what a personality of the simulator stands on. It knows none."""
