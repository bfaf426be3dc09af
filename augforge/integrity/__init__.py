"""Verify, prove, repair and compare data sets."""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.integrity.comparison import Comparison as Comparison
    from augforge.integrity.comparison import compare as compare
    from augforge.integrity.proof import prove as prove
    from augforge.integrity.repairs import Repair as Repair
    from augforge.integrity.repairs import repair as repair
    from augforge.integrity.verification import Defect as Defect
    from augforge.integrity.verification import Kind as Kind
    from augforge.integrity.verification import Verification as Verification
    from augforge.integrity.verification import verify as verify

_MODULES = {
    "Comparison": "comparison",
    "Defect": "verification",
    "Kind": "verification",
    "Repair": "repairs",
    "Verification": "verification",
    "compare": "comparison",
    "prove": "proof",
    "repair": "repairs",
    "verify": "verification",
}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)
