"""The largest values that a model's configuration may ask for, whichever file says them."""

MAX_BATCH_SIZE = 65_536
MAX_DELAY_US = 60_000_000
MAX_INSTANCES = 1024
MAX_OBJECTIVE_MS = 3_600_000
MAX_QUEUE = 1_000_000
MAX_RUNS = 65_536
MAX_SEQUENCES = 4096
MAX_CACHE_BYTES = 2**40
MAX_CACHE_S = 365 * 86400.0
