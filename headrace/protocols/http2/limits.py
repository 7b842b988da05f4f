"""What one connection may take up."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Of one connection. The defaults are for a server whose messages are tensors."""

    max_streams: int = 1024
    max_header_bytes: int = 64 * 1024  # decoded; four times as many end the connection
    max_frame_bytes: int = 1 << 20
    stream_window_bytes: int = 1 << 20
    connection_window_bytes: int = 64 << 20  # 65,535 at least
    intake_bytes: int = 64 << 20  # of messages that are larger than a stream's window, together
    patience_s: float = 75.0  # with a client that says nothing, or takes nothing
    turn_s: float = 0.0001  # of the loop's time, before other connections have their turn
    max_idle_frames: int = 1000  # frames without use that may come at once: PING, SETTINGS, empty DATA ...
    first_idle_frames: int = 100  # of a client that has done nothing useful yet
    idle_frames_per_s: float = 100.0
    max_rapid_resets: int = 200  # streams that may be opened and at once reset
    first_rapid_resets: int = 50
    rapid_resets_per_s: float = 100.0
