"""Every request passes here once."""
