"""The metrics of what requests cost."""

from headrace.observe.exposition import Family

DEVICE_SECONDS = Family(
    "headrace_device_seconds_total",
    "counter",
    'The device\'s time by whose it was and what for; tenants but the busiest are "other".',
)
UNDER_WAY = Family("headrace_device_seconds_under_way", "gauge", "The device's time that what runs now has had so far.")
IDLE_SECONDS = Family("headrace_idle_seconds_total", "counter", "The device's time in which nothing ran.")
COST = Family("headrace_cost_usd_total", "counter", "The device's time at its price, idle time left out.")
