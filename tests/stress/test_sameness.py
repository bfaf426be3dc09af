"""What the stress command would say of a configuration that makes something else."""

import copy

import pytest

from tests.stress import sameness


def test_a_difference_is_told_with_configuration_and_hashes() -> None:
    made = copy.deepcopy(sameness.EXPECTED)
    assert sameness._differences("AVX2", made) == []
    made["content"]["more"] = "0badc0de"
    made["steps"].pop("blur")
    content, blur = sameness.EXPECTED["content"]["more"], sameness.EXPECTED["steps"]["blur"]
    assert sameness._differences("AVX2", made) == [
        f"AVX2: content.more 0badc0de instead of {content}, steps.blur None instead of {blur}"
    ]


@pytest.mark.parametrize(("cases", "count"), [(0, 1), (0.01, 1), (0.5, 5), (1, 10), (2, 10)])
def test_a_share_is_never_nothing(cases: float, count: int) -> None:
    share = sameness._share(range(10), cases)
    assert (len(share), share) == (count, sorted({*share}))


def test_a_python_that_is_not_there_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert sameness._interpreter("2.0") is None
    sameness._left_out("Python 2.0", "there is none")
    assert capsys.readouterr().out == "sameness: Python 2.0 left out: there is none\n"
