import pytest

from augforge.format.models import GuardCounts


def test_plain_is_to_dict_by_its_former_name() -> None:
    counts = GuardCounts(redrawn=2, pulled=1, rejected={"max_turn": 2})
    with pytest.warns(DeprecationWarning, match=r"to_dict"):
        assert counts.plain() == counts.to_dict()
