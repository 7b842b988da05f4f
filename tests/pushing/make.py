"""Pages, as Prometheus would read them."""

COUNTER = """# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{model="m",code="ok"} %d
"""

GAUGE = """# HELP waiting Requests that wait.
# TYPE waiting gauge
waiting{model="m"} %r
"""

HISTOGRAM = """# HELP took_seconds What they took.
# TYPE took_seconds histogram
took_seconds_bucket{model="m",le="0.1"} %d
took_seconds_bucket{model="m",le="1.0"} %d # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.5 1700000000.250
took_seconds_bucket{model="m",le="+Inf"} %d
took_seconds_sum{model="m"} %r
took_seconds_count{model="m"} %d
"""


def page(count: int = 3, waiting: float = 0.5, buckets: tuple[int, int, int] = (1, 3, 4), took: float = 4.5) -> str:
    """`buckets` add up."""
    return COUNTER % count + GAUGE % waiting + HISTOGRAM % (*buckets, took, buckets[2])
