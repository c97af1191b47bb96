"""Whether truncated entropy, or another number of a spectrum, indicates the error or the speed.

    python -m pinnspectra.indicators outputs/indicators

`cases` reads run folders, `correlation` counts, `report` says what came out.
"""
