"""What requests cost: the device's time, by tenant, model and version."""
