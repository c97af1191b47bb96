"""The commands: pinnspectra.NAME is commands/NAME.py, for `python -m pinnspectra.NAME`."""
