"""What every test runs under."""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.conformance_report"]

# One profile everywhere, so that a failure in CI is a failure at home: same examples, no deadline that a
# busy machine could miss.
settings.register_profile(
    "house",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

# Where the extra `kerberos` is installed, its library would ask the network for realms that tests make up.
os.environ["KRB5_CONFIG"] = str(Path(__file__).with_name("no_realm.conf"))
