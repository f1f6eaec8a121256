"""A short soak; `bench/soak.py` is the long one."""

from pathlib import Path

import pytest

from crash.soak import soak


# Its work is bounded; how long that takes is the machine's affair.
@pytest.mark.timeout(1200)
def test_a_hail_of_signals_loses_doubles_and_overcharges_nothing(tmp_path: Path) -> None:
    report = soak(tmp_path, tasks=300, blow_every_s=1.5, seed=7)

    assert report.tasks == 300
    assert report.blows
