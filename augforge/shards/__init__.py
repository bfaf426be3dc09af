"""Data sets on disk: layout, writer, receipts, manifest, reader.

``plan_shards`` cuts a data set into shards, ``write_shard`` makes and publishes one of them,
``assemble_manifest`` and ``publish_manifest`` complete the set, ``ShardReader`` reads it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augforge.shards.comparing import Comparison as Comparison
    from augforge.shards.comparing import compare as compare
    from augforge.shards.layout import FORMAT_VERSION as FORMAT_VERSION
    from augforge.shards.layout import LEAF as LEAF
    from augforge.shards.layout import ShardPlan as ShardPlan
    from augforge.shards.layout import ShardSpec as ShardSpec
    from augforge.shards.layout import plan_shards as plan_shards
    from augforge.shards.layout import shard_bytes as shard_bytes
    from augforge.shards.manifest import About as About
    from augforge.shards.manifest import assemble_manifest as assemble_manifest
    from augforge.shards.manifest import library_versions as library_versions
    from augforge.shards.manifest import publish_manifest as publish_manifest
    from augforge.shards.manifest import read_manifest as read_manifest
    from augforge.shards.models import Manifest as Manifest
    from augforge.shards.models import Receipt as Receipt
    from augforge.shards.models import ShardEntry as ShardEntry
    from augforge.shards.publishing import publish as publish
    from augforge.shards.publishing import sweep as sweep
    from augforge.shards.reader import ShardReader as ShardReader
    from augforge.shards.receipts import read_receipt as read_receipt
    from augforge.shards.receipts import resumed as resumed
    from augforge.shards.verifying import Defect as Defect
    from augforge.shards.verifying import Verification as Verification
    from augforge.shards.verifying import verify as verify
    from augforge.shards.writer import write_shard as write_shard

_MODULES = {
    "FORMAT_VERSION": "layout",
    "LEAF": "layout",
    "About": "manifest",
    "Comparison": "comparing",
    "Defect": "verifying",
    "Manifest": "models",
    "Receipt": "models",
    "ShardEntry": "models",
    "ShardPlan": "layout",
    "ShardReader": "reader",
    "ShardSpec": "layout",
    "Verification": "verifying",
    "assemble_manifest": "manifest",
    "compare": "comparing",
    "library_versions": "manifest",
    "plan_shards": "layout",
    "publish": "publishing",
    "publish_manifest": "manifest",
    "read_manifest": "manifest",
    "read_receipt": "receipts",
    "resumed": "receipts",
    "shard_bytes": "layout",
    "sweep": "publishing",
    "verify": "verifying",
    "write_shard": "writer",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"augforge.shards.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'augforge.shards' has no attribute '{name}'")
