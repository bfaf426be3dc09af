"""What a part of the stress command found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What became of one kind of fault.

    Attributes
    ----------
    fault : str
        What was done, in a few words.
    promise : str
        What must hold afterwards, in a few words.
    tried : int
        How often it was done.
    failures : tuple of str
        Each time that the promise did not hold: enough to do it again (a seed, a place, a file).
    """

    fault: str
    promise: str
    tried: int
    failures: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """How often the promise did not hold."""
        return len(self.failures)
