"""Builds and runs the Beam pipelines: refresh (batch) and realtime (stream)."""

from overtide.pipelines.importing_beam import import_beam

import_beam()
