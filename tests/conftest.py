"""Fixtures of the functional and interoperability tests: a lab of network namespaces and the real programs in it."""
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/support")]

from labkit.daemon import Rempart     # noqa: E402
from labkit.ns import Lab             # noqa: E402
from parties import alice, bob        # noqa: E402,F401  (fixtures)

CONFIG = (ROOT / "config/lab.yaml").read_text()


@pytest.fixture(scope="session")
def lab():
    """The lab of scripts/lab, one for the whole run."""
    lab = Lab("t%d" % (os.getpid() % 100000))
    lab.up()
    yield lab
    lab.down()


@pytest.fixture(scope="module")
def sbc_config():
    """The module's configuration text; a test module overrides this fixture to have its own."""
    return CONFIG


@pytest.fixture(scope="module")
def sbc(lab, sbc_config, tmp_path_factory):
    """Rempart running with the module's configuration; it must end cleanly, and without a sanitizer's complaint."""
    folder = tmp_path_factory.mktemp("sbc", numbered=True)
    (folder / "rempart.yaml").write_text(sbc_config)
    r = Rempart(lab, folder / "rempart.yaml", folder)
    r.start()
    yield r
    code = r.stop()
    log = r.log.read_text(errors="replace")
    for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Assertion"):
        assert word not in log, log[-6000:]
    assert code == 0, log[-3000:]
