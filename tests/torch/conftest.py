import sys
from pathlib import Path

# Spawned loader workers import the fake data set by this name.
sys.path.append(str(Path(__file__).parent))
