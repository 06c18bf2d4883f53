"""The steps: pure functions on Arrow batches and SQL, and the small PTransforms around them."""
