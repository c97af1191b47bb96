"""What a run leaves in its folder, written whole and read back as one record."""
