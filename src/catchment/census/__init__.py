"""The census: chosen datasets of all modalities under one build, planned, assembled, held against its sources."""
