"""How hypothesis runs here: a slow example on a busy machine is no fault of the rule it tries."""

from hypothesis import HealthCheck, settings

settings.register_profile("domain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("domain")
