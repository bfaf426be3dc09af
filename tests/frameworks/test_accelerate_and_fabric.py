import itertools

import pytest

STEPS, EPOCHS = 20, 3
both = pytest.mark.parametrize("processes", [1, 2])


def check_epochs(of_ranks):
    """Each epoch has every sample once on all ranks together, in another order."""
    orders = []
    for epoch in range(EPOCHS):
        steps = zip(*(seen[epoch] for seen in of_ranks), strict=True)
        orders.append([number for step in steps for batch in step for number in batch])
        assert sorted(orders[-1]) == list(range(8 * STEPS * len(of_ranks)))
    assert all(one != other for one, other in itertools.combinations(orders, 2))


@both
def test_fabric(processes, run):
    pytest.importorskip("lightning")
    found = run("with_others.py", "fabric", processes)
    for name in ("itself", "prepared", "shared"):
        check_epochs([seen[name] for seen in found])
    for seen in found:
        assert seen["prepared"] == seen["itself"]
        assert seen["rest"] == seen["itself"][-1][7:]
        assert "Only PyTorch DataLoader are currently supported" in seen["error"]


@both
def test_accelerate(processes, run):
    pytest.importorskip("accelerate")
    found = run("with_others.py", "accelerate", processes)
    for name in ("itself", "prepared", "plain"):
        check_epochs([seen[name] for seen in found])
    for seen in found:
        assert seen["untouched"]
        assert seen["prepared"] == seen["itself"]
        assert seen["rest"] == seen["skipped"] == seen["itself"][-1][7:]
        if processes == 1:
            assert seen["twice"] == seen["itself"][0]
        else:
            assert "Accelerate's BatchSamplerShard would divide it again" in seen["error"]
