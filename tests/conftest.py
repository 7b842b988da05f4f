"""How hypothesis is used: no deadlines, since the machine may be busy; `make fuzz` asks for many more cases."""

from hypothesis import HealthCheck, settings

settings.register_profile("test", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", settings.get_profile("test"), max_examples=20_000)
settings.load_profile("test")
