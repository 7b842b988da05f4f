"""`python -m headrace.kernels`: make the library beforehand, where this processor has tiles."""

from headrace.devices.inventory import cpu_features
from headrace.kernels.library import NEEDED, make


def main() -> None:
    """Say what there is, or what it would take; never fails, for models are served without."""
    missing = NEEDED.difference(cpu_features())
    if missing:
        print(f"kernels: this processor has no {', '.join(sorted(missing))}; OpenVINO's are used")
        return
    made = make()
    print(f"kernels: {made.path or 'OpenVINO' + chr(39) + f's are used; ours need {made.lacks}'}")


if __name__ == "__main__":
    main()
