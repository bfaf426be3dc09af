import itertools

import pytest

pytest.importorskip("lightning")

STEPS, EPOCHS = 50, 3


def batches(seen, epoch=None):
    return [numbers for at, _, numbers in seen if epoch is None or at == epoch]


def check_epochs(of_ranks, samples):
    """Each epoch has every sample once on all ranks together, in another order."""
    orders = []
    for epoch in range(EPOCHS):
        steps = zip(*(batches(seen, epoch) for seen in of_ranks), strict=True)
        orders.append([number for step in steps for batch in step for number in batch])
        assert sorted(orders[-1]) == list(range(samples))
    assert all(one != other for one, other in itertools.combinations(orders, 2))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("part", ["resumed", "window"])
def test_three_epochs_have_three_orders_and_go_on_from_any_step(part, processes, run):
    found = run("with_lightning.py", part, processes)
    check_epochs([seen["whole"] for seen in found], 8 * STEPS * processes)
    for seen in found:
        assert len(seen["whole"]) == STEPS * EPOCHS
        for step in (20, 50, 70):
            assert seen[step] == seen["whole"][step:]


def test_it_goes_on_from_the_end_of_an_epoch(run):
    (seen,) = run("with_lightning.py", "ends")
    for step in (50, 100):
        assert seen[step] == seen["whole"][step:]


@pytest.mark.parametrize("processes", [1, 2])
def test_validation_sees_all_samples_in_order(processes, run):
    found = run("with_lightning.py", "validating", processes)
    check_epochs(found, 8 * STEPS * processes)
    for epoch in range(EPOCHS):
        seen = [
            [numbers for what, at, numbers in rank if (what, at) == ("validation", epoch)] for rank in found
        ]
        seen = [of_rank[-STEPS:] for of_rank in seen]  # before the first epoch it tries two batches
        in_turn = [number for step in zip(*seen, strict=True) for batch in step for number in batch]
        assert in_turn == list(range(8 * STEPS * processes))


@pytest.mark.parametrize("processes", [1, 2])
def test_torchs_own_loader_over_a_data_set_or_a_loaders_sampler(processes, run):
    found = run("with_lightning.py", "plain", processes)
    for name in ("shuffle", "sampler"):
        check_epochs([seen[name] for seen in found], 8 * STEPS * processes)


def test_overfitting_is_refused_and_limiting_batches_is_its_substitute(run):
    (seen,) = run("with_lightning.py", "overfitting")
    assert "needs to subclass `torch.utils.data.DataLoader`" in seen["error"]
    assert len({str(batches(seen["limited"], epoch)) for epoch in range(EPOCHS)}) == 1
    assert len(seen["limited"]) == 5 * EPOCHS
