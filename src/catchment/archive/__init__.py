"""ZIP archives of submitters, read in place: nothing is unpacked, and nothing is read before the whole is safe."""
